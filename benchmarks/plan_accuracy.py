"""Whether `streetdeciles plan` says of a small run how long one ten times as large takes.

- `plan_accuracy`: seconds of the large run that the plan forecasts from the marks of the small one, against those that
  it took. The goal is a ratio between 0.8 and 1.2.

Both are whole runs, each in a process of its own, of drawn photographs of locations in Westminster, with a tiny
network. The intended size is the default.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from measure import Comparison, record
from streetdeciles import run_log
from streetdeciles.config_file import load_config
from streetdeciles.forecast import forecast
from streetdeciles.stages import STAGE_NAMES

REPOSITORY = Path(__file__).parent.parent
DATA = REPOSITORY / "tests" / "data"
DECILES = DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"
WESTMINSTER = "E09000033"
VIEWS = 4
TIMES = 10


def write_run(folder: Path, n_photographs: int, side: int) -> Path:
    """The config of a run, beside its photographs and locations."""
    (folder / "photographs").mkdir(parents=True)
    table = pd.read_csv(DECILES)
    areas = table.loc[table.iloc[:, 2] == WESTMINSTER].iloc[:, 0].to_numpy()
    generator = np.random.default_rng(0)
    n_locations = n_photographs // VIEWS
    ids = [f"{number:06d}" for number in range(n_locations)]
    pd.DataFrame({"location_id": ids, "area_id": np.resize(areas, n_locations)}).to_csv(
        folder / "locations.csv", index=False
    )
    for location_id in ids:
        for view in range(VIEWS):
            (folder / "photographs" / f"{location_id}_{view}.jpg").write_bytes(_drawn(generator, side))
    values = {
        "work_dir": "out",
        "seed": 1,
        "labels": {
            "tables": [{"path": str(DECILES)}],
            "regions": {"westminster": ["Westminster"]},
            "locations": "locations.csv",
            "boundaries": {"path": str(DATA / "boundaries" / "lsoa11_westminster.geojson")},
        },
        "images": {"folder": "photographs", "views": VIEWS, "shard_size": 50},
        "features": {"backbone": str(DATA / "backbones" / "grid_mean.keras"), "precision": "float32"},
        "dataset": {"outcomes": ["imd"], "folds": 5},
        "training": {"view_units": [64], "location_units": [32], "epochs": 10},
        "evaluation": {"bootstrap": 500},
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def _drawn(generator: np.random.Generator, side: int) -> bytes:
    """A JPEG of coloured blocks."""
    blocks = generator.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(blocks).resize((side, side), Image.Resampling.BILINEAR).save(file, "JPEG")
    return file.getvalue()


def measured(config: Path) -> dict[str, float]:
    """Seconds of each stage of a run in a process of its own."""
    command = [sys.executable, "-m", "streetdeciles", "run", "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run(command, check=True, env=environment)
    marks = {name: run_log.read_mark(str(config.parent / "out"), name) for name in STAGE_NAMES}
    return {name: mark.seconds for name, mark in marks.items() if mark is not None}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--photographs", type=int, default=200, help=f"of the small run; the other has {TIMES} times as many"
    )
    parser.add_argument("--side", type=int, default=320, help="pixels of a photograph's side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        small = write_run(Path(name, "small"), options.photographs, options.side)
        large = write_run(Path(name, "large"), options.photographs * TIMES, options.side)
        measured(write_run(Path(name, "first"), options.photographs, options.side))  # files come from the disk
        was_small = measured(small)
        estimate = forecast(load_config(str(small)), options.photographs * TIMES, devices=1)
        was = measured(large)
        for stage in estimate.stages:
            print(
                f"{stage.stage:12} small {was_small[stage.stage]:6.1f} s, forecast {stage.seconds:6.1f} s, "
                f"took {was[stage.stage]:6.1f} s",
                flush=True,
            )
    record(
        "plan_accuracy",
        Comparison(sum(stage.seconds for stage in estimate.stages), sum(was.values()), 1),
        unit=f"s forecast for {options.photographs * TIMES} photographs",
        other_is="the seconds that they took",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
