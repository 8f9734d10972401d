"""From features to the training set as Petastorm and HDF5: the stage dataset beside the disk.

- `training_set`: megabytes of features per second through join, split, Petastorm set and HDF5 export; the other side
  writes the same features to the same disk in one file, and waits until they are there.
- `training_set_large`: the same at the intended size, 6.5 GB, on 2 cores within 6 GB:

    .venv/bin/python benchmarks/training_set.py --locations 100000

The features are invented. Prints the largest memory of all processes together, and the rate of `open_training_set`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from measure import Comparison, PeakMemory, arrow_schema, elsewhere, record
from streetdeciles.config import RunConfig, SparkConfig
from streetdeciles.dataset import stage as dataset
from streetdeciles.session import spark_session
from streetdeciles.tables import AREA_LABELS, FEATURES, LOCATIONS, REJECTS, TRAINING_SET, Table
from streetdeciles.training_set import open_training_set

VIEWS, FEATURE_SIZE = 4, 4096
OUTCOMES = ("outcome_1", "outcome_2", "outcome_3")
LOCATIONS_PER_AREA = 30
FOLDS = 5
LARGE = 100_000
MB = 1e6


def write_tables(
    work_dir: Path,
    n_locations: int,
    *,
    views: int = VIEWS,
    feature_size: int = FEATURE_SIZE,
    outcomes: Sequence[str] = OUTCOMES,
    per_shard: int = 1000,
) -> None:
    """Locations and labels of areas, and features in shards, whose photographs are in no order."""
    n_areas = max(20, n_locations // LOCATIONS_PER_AREA)
    area = np.arange(n_locations) % n_areas
    area_ids = np.array([f"E{number:08d}" for number in range(n_areas)], object)
    ids = np.array([f"L{number:08d}" for number in range(n_locations)], object)
    write(
        LOCATIONS,
        work_dir / LOCATIONS.name,
        location_id=ids,
        region=np.full(n_locations, "everywhere", object),
        area_id=area_ids[area],
        latitude=50 + area / n_areas * 5,
        longitude=area % 97 / 97,
    )
    deciles = np.tile(np.arange(n_areas) % 10 + 1, len(outcomes))
    write(
        AREA_LABELS,
        work_dir / AREA_LABELS.name,
        region=np.full(deciles.size, "everywhere", object),
        area_id=np.tile(area_ids, len(outcomes)),
        outcome=np.repeat(np.array(outcomes, object), n_areas),
        value=deciles.astype(float),
        decile=deciles,
        national_decile=deciles,
    )
    write(REJECTS, work_dir / REJECTS.name / "shard=0", image_id=np.empty(0, object))
    random = np.random.default_rng(0)
    order = random.permutation(n_locations)
    for shard, start in enumerate(range(0, n_locations, per_shard)):
        rows = np.repeat(order[start : start + per_shard], views)
        view = np.tile(np.arange(views), len(rows) // views)
        values = random.normal(size=(len(rows), feature_size)).astype(np.float32)
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * feature_size
        write(
            FEATURES,
            work_dir / FEATURES.name / f"shard={shard}",
            image_id=np.array([f"{ids[row]}_{number}" for row, number in zip(rows, view, strict=True)], object),
            location_id=ids[rows],
            view=view,
            features=pa.ListArray.from_arrays(offsets, values.ravel()),
            one_colour=np.zeros(len(rows), bool),
        )


def write(table: Table, folder: Path, **columns: np.ndarray | pa.Array) -> None:
    schema = arrow_schema(table)
    n = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(n, field.type)
        for field in schema
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / "part-00000.parquet")


def disk_rate(folder: Path, n_bytes: int, chunk_bytes: int = 2**24) -> float:
    """MB/s of one file that is written in order until it is on the disk."""
    chunk = np.random.default_rng(1).bytes(chunk_bytes)
    start, left = time.perf_counter(), n_bytes
    with (folder / "disk").open("wb") as file:
        while left > 0:
            left -= file.write(chunk[:left])
        file.flush()
        os.fsync(file.fileno())
    return n_bytes / MB / (time.perf_counter() - start)


def config_of(
    work_dir: Path, *, views: int = VIEWS, outcomes: Sequence[str] = OUTCOMES, hdf5: bool = True
) -> RunConfig:
    return RunConfig.model_validate(
        {
            "work_dir": str(work_dir),
            "labels": {"regions": {"everywhere": "all"}, "tables": [{"path": "none"}], "locations": "none"},
            "images": {"folder": "none", "pattern": "{location_id}_{view}.jpg", "views": views},
            "dataset": {"outcomes": list(outcomes), "folds": FOLDS, "hdf5": hdf5},
            "evaluation": {"feature_baselines": False},
        }
    )


def measure(work_dir: Path, n_locations: int) -> float:
    """MB/s of the stage; prints its memory, and how fast the set is read again."""
    n_bytes = n_locations * VIEWS * FEATURE_SIZE * 4
    with spark_session(SparkConfig(master="local[*]"), str(work_dir)) as spark:
        start = time.perf_counter()
        with PeakMemory() as memory:
            dataset.run(spark, config_of(work_dir))
        rate = n_bytes / MB / (time.perf_counter() - start)
    print(f"{n_bytes / MB:.0f} MB of features at {rate:.1f} MB/s, at most {memory.peak >> 20} MB", flush=True)
    start = time.perf_counter()
    rows = sum(len(batch["fold"]) for batch in open_training_set(str(work_dir / TRAINING_SET)))
    print(f"{rows} rows read at {n_bytes / MB / (time.perf_counter() - start):.1f} MB/s", flush=True)
    return rate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locations", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work_dir = Path(name) / "work"
        work_dir.mkdir()
        elsewhere(write_tables, work_dir, options.locations)
        rate = measure(work_dir, options.locations)
        disk = disk_rate(Path(name), options.locations * VIEWS * FEATURE_SIZE * 4)
    record(
        "training_set_large" if options.locations >= LARGE else "training_set",
        Comparison(rate, disk, 1),
        unit="MB/s",
        other_is="the same features written to the disk once",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
