"""Small pictures of a street, drawn from the traits of its area, in one `.tgz` per 1,000 locations."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from published_layouts.region import TRAITS

VIEWS = "abcd"
WIDTH, HEIGHT = 80, 64
LOCATIONS_PER_ARCHIVE = 1000
SHARED = 0.05
"""Share of the postcodes whose photographs are those of the postcode before."""


def list_photographed(postcodes: pd.DataFrame, per_area: int, seed: int) -> pd.DataFrame:
    """`pcd` and `img_id` of the postcodes that have photographs: `per_area` of each area, of households only."""
    usable = postcodes[~(postcodes["terminated"] | postcodes["large_user"] | postcodes["no_grid"])]
    taken = usable.groupby("area_id", sort=False).head(per_area).reset_index(drop=True)
    rng = np.random.default_rng([seed, 51])
    number = np.arange(len(taken))
    neighbours = (taken["area_id"] == taken["area_id"].shift()).to_numpy()
    number = np.where((rng.random(len(taken)) < SHARED) & neighbours, number - 1, number)
    return pd.DataFrame(
        {"pcd": taken["pcd"], "img_id": [f"{value:06d}" for value in number], "area_id": taken["area_id"]}
    )


def write_photographs(photographed: pd.DataFrame, areas: pd.DataFrame, folder: Path, seed: int) -> int:
    """Draw the views a, b, c and d of each `img_id` as `{img_id}_{view}.png`; the number of pictures."""
    traits = areas.set_index("area_id")[list(TRAITS)]
    locations = photographed.drop_duplicates("img_id")
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(locations), LOCATIONS_PER_ARCHIVE):
        part = locations.iloc[start : start + LOCATIONS_PER_ARCHIVE]
        with tarfile.open(folder / f"{start // LOCATIONS_PER_ARCHIVE:03d}.tgz", "w:gz", compresslevel=1) as archive:
            for img_id, area_id in zip(part["img_id"], part["area_id"], strict=True):
                values = traits.loc[area_id].to_numpy(dtype=np.float64)
                for view, letter in enumerate(VIEWS):
                    content = BytesIO()
                    picture = draw_street(values, np.random.default_rng([seed, 52, int(img_id), view]))
                    Image.fromarray(picture).save(content, "PNG", compress_level=1)
                    member = tarfile.TarInfo(f"{img_id}_{letter}.png")
                    member.size = content.tell()
                    content.seek(0)
                    archive.addfile(member, content)
    return len(locations) * len(VIEWS)


def draw_street(traits: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """uint8 [HEIGHT, WIDTH, 3]: sky, houses, green and road.

    Houses are the brighter the higher the income, the sky the clearer the better the health, and the more green there
    is the better the surroundings; each view adds its own light and chance.
    """
    income, health, surroundings = (traits + rng.normal(0, 0.12, 3)).clip(0, 1)
    picture = np.empty((HEIGHT, WIDTH, 3), dtype=np.float64)
    horizon, kerb = HEIGHT // 3, HEIGHT * 3 // 4
    picture[:horizon] = np.array([150, 155, 160]) * (1 - health) + np.array([110, 170, 235]) * health
    picture[kerb:] = 70 + 40 * health
    left = 0
    while left < WIDTH:
        width = int(rng.integers(6, 16))
        top = horizon - int(rng.integers(0, 10))
        colour = np.array([120, 75, 60]) * (1 - income) + np.array([225, 215, 195]) * income
        picture[top:kerb, left : left + width] = colour * rng.uniform(0.85, 1.15)
        picture[top + 4 : kerb - 4 : 6, left + 2 : left + width - 2 : 4] = 40 + 60 * income
        left += width
    for _ in range(int(round(14 * surroundings))):
        x, y, radius = rng.integers(0, WIDTH), rng.integers(horizon, kerb), rng.integers(2, 7)
        picture[max(0, y - radius) : y + radius, max(0, x - radius) : x + radius] = (45, 110 + rng.uniform(0, 40), 45)
    light = rng.uniform(0.85, 1.1)
    return (picture * light + rng.normal(0, 4, picture.shape)).clip(0, 255).astype(np.uint8)
