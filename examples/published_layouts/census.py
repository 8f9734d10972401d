"""Census tables: InFuse downloads of 2011 (UK Data Service) and Nomis bulk files of 2021 (ONS)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from published_layouts.region import noisy

Counts = Mapping[str, npt.NDArray[np.int64]]

INFUSE = {
    "infuse_general_health.csv": (
        "health",
        0.12,
        ("F1778", "General health : Total: All categories: General health"),
        (("F1777", "General health : Very bad health"), ("F1782", "General health : Bad health")),
    ),
    "infuse_occupancy_rating.csv": (
        "surroundings",
        0.35,
        ("F2376", "Occupancy rating (rooms) : Total: All categories: Occupancy rating (rooms)"),
        (("F2375", "Occupancy rating (rooms) : Occupancy rating (rooms) of -1 or less"),),
    ),
    "infuse_economic_activity.csv": (
        "income",
        0.12,
        ("F1391", "Economic activity : Total: All categories: Economic activity"),
        (("F1399", "Economic activity : Economically active: Unemployed"),),
    ),
    "infuse_qualifications.csv": (
        "income",
        0.6,
        ("F186", "Highest level of qualification : Total: All categories: Highest level of qualification"),
        (
            ("F187", "Highest level of qualification : No qualifications"),
            ("F188", "Highest level of qualification : Level 1 qualifications"),
        ),
    ),
}
"""By file: the trait, the share of the worst area, the variable of the total, and those that are counted."""

NOMIS = {
    "census2021-ts037-lsoa.csv": (
        "health",
        0.12,
        "General health: Total: All usual residents",
        ("General health: Very bad health", "General health: Bad health"),
        "General health: Good health",
    ),
    "census2021-ts053-lsoa.csv": (
        "surroundings",
        0.35,
        "Occupancy rating for rooms: Total: All households",
        (
            "Occupancy rating for rooms: Occupancy rating of rooms: -1",
            "Occupancy rating for rooms: Occupancy rating of rooms: -2 or less",
        ),
        "Occupancy rating for rooms: Occupancy rating of rooms: 0",
    ),
    "census2021-ts066-lsoa.csv": (
        "income",
        0.12,
        "Economic activity status: Total: All usual residents aged 16 years and over",
        ("Economic activity status: Economically active (excluding full-time students): Unemployed",),
        "Economic activity status: Economically inactive",
    ),
    "census2021-ts067-lsoa.csv": (
        "income",
        0.6,
        "Highest level of qualification: Total: All usual residents aged 16 years and over",
        (
            "Highest level of qualification: No qualifications",
            "Highest level of qualification: Level 1 and entry level qualifications",
        ),
        "Highest level of qualification: Level 4 qualifications or above",
    ),
}
"""By file: the trait, the share of the worst area, the columns of the total, of what is counted, and of the rest."""


def write_infuse(areas: pd.DataFrame, folder: Path, seed: int) -> None:
    """Two header lines, each line with a comma at its end, LSOAs and a few MSOAs in one file."""
    for number, (file, (trait, worst, total, counted)) in enumerate(INFUSE.items()):
        counts = _counts(areas, trait, worst, [total[0], *(code for code, _ in counted)], [seed, 11, number])
        with (folder / file).open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow(["CDU_ID", "GEO_CODE", "GEO_LABEL", "GEO_TYPE", "GEO_TYP2", *counts, ""])
            described = [f"{title} - Unit : Persons" for _, title in (total, *counted)]
            rows.writerow([*[""] * 5, *described, ""])
            for i, (area, name) in enumerate(zip(areas["area_id"], areas["area_name"], strict=True)):
                numbers = [int(values[i]) for values in counts.values()]
                rows.writerow([i + 1, area, name, "Lower Super Output Areas and Data Zones", "LSOADZ", *numbers, ""])
            for i, area in enumerate(areas["msoa_id"].unique()[:5]):
                inside = (areas["msoa_id"] == area).to_numpy()
                numbers = [int(values[inside].sum()) for values in counts.values()]
                kind = "Middle Super Output Areas and Intermediate Zones"
                rows.writerow([len(areas) + i + 1, area, area, kind, "MSOAIZ", *numbers, ""])


def write_nomis(areas: pd.DataFrame, folder: Path, seed: int) -> None:
    """One file per table, as in the zip of the level LSOA."""
    for number, (file, (trait, worst, total, counted, rest)) in enumerate(NOMIS.items()):
        counts = _counts(areas, trait, worst, [total, *counted], [seed, 21, number])
        table = pd.DataFrame({"date": 2021, "geography": areas["area_name"], "geography code": areas["area_id"]})
        for column, values in counts.items():
            table[column] = values
        table[rest] = table[total] - table[list(counted)].sum(axis=1)
        table.to_csv(folder / file, index=False, lineterminator="\n")


def _counts(areas: pd.DataFrame, trait: str, worst: float, columns: Sequence[str], seed: list[int]) -> Counts:
    """A total per area in the first column, and in the others parts of it that are the larger the worse the area is."""
    rng = np.random.default_rng(seed)
    total = rng.normal(1600, 150, len(areas)).clip(1000, 2400).astype(np.int64)
    share = worst * (1 - 0.8 * noisy(areas, trait, rng))
    parts = rng.multinomial(total, _split(share, len(columns) - 1))
    return {columns[0]: total} | {column: parts[:, i] for i, column in enumerate(columns[1:])}


def _split(share: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    return np.column_stack([*[share / n] * n, 1 - share])
