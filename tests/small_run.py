"""A small run as a user would set it up: a config, a CSV of locations in Westminster, photographs in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from config_files import config_values, write_config
from paths import DATA
from streetdeciles.cli import main

BACKBONE = DATA / "backbones" / "grid_mean.keras"
"""A network that Keras saved, [224, 224, 3] to 48 numbers; makes a whole run a matter of seconds."""

COORDINATES = (
    (51.537192, -0.180979),
    (51.516092, -0.159003),
    (51.487191, -0.144293),
    (51.516548, -0.179846),
    (51.500729, -0.171007),
    (51.522038, -0.175158),
    (51.518995, -0.148339),
    (51.530921, -0.202714),
    (51.501223, -0.125727),
    (51.494248, -0.129807),
    (51.488766, -0.143295),
    (51.520728, -0.194506),
)
"""Latitude and longitude of twelve places, each in another LSOA of Westminster."""

LOCATION_IDS = tuple(f"{number:05d}" for number in range(len(COORDINATES)))


@dataclass(frozen=True)
class SmallRun:
    """The folder of a run's config and inputs. Change the files before `main` is called."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "run.yaml"

    @property
    def work_dir(self) -> Path:
        return self.folder / "out"

    def set(self, **sections: Any) -> None:
        """Merge values into the config, e.g. `set(images={"views": 4})`; a value of None removes its key."""
        values = yaml.safe_load(self.config.read_text())
        write_config(self.folder, _merged(values, sections))

    def main(self, *arguments: str) -> int:
        """The exit code of `streetdeciles <arguments> --config …` in this process; the tests' Spark session serves."""
        return main([*arguments, "--config", str(self.config)])

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.work_dir / name)


@pytest.fixture
def small_run(tmp_path: Path, spark: object) -> SmallRun:
    """Twelve locations with two photographs each, `photographs/00000_0.jpg` and so on; nothing has run yet."""
    return make_small_run(tmp_path)


def make_small_run(folder: Path) -> SmallRun:
    """The fixture's run in a folder that is there already."""
    run = SmallRun(folder)
    write_locations(folder / "locations.csv")
    (folder / "photographs").mkdir()
    for location_id in LOCATION_IDS:
        for view in range(2):
            (folder / "photographs" / f"{location_id}_{view}.jpg").write_bytes(photograph(f"{location_id}_{view}"))
    write_config(folder, _values())
    return run


def write_locations(path: Path, location_ids: tuple[str, ...] = LOCATION_IDS) -> None:
    """The CSV of locations, one for each of COORDINATES."""
    places = zip(location_ids, COORDINATES, strict=True)
    rows = [f"{name},{latitude},{longitude}\n" for name, (latitude, longitude) in places]
    path.write_text("location_id,latitude,longitude\n" + "".join(rows), encoding="utf-8")


def photograph(name: str, size: tuple[int, int] = (48, 32)) -> bytes:
    """A JPEG of coloured noise, the same for the same name."""
    from PIL import Image

    noise = np.random.default_rng(list(name.encode())).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(noise).resize(size).save(file, "JPEG")
    return file.getvalue()


def _values() -> dict[str, Any]:
    return config_values(
        "out",
        seed=1,
        labels={
            "tables": [{"path": str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv")}],
            "regions": {"westminster": ["Westminster"]},
            "boundaries": {"path": str(DATA / "boundaries" / "lsoa11_westminster.geojson")},
        },
        images={"views": 2, "shard_size": 16},
        features={"backbone": str(BACKBONE), "precision": "float32"},
        dataset={"folds": 2},
        training={"view_units": [8], "location_units": [4], "learning_rate": 0.001, "epochs": 2},
        evaluation={"bootstrap": 10},
    )


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, change in changes.items():
        if change is None:
            merged.pop(key, None)
        elif isinstance(change, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], change)
        else:
            merged[key] = change
    return merged
