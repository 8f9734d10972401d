"""Aggregation and evaluation at national size, beside pandas that aggregates in one process that holds everything.

- `aggregation`: predictions per second from the tables to `area_predictions`, all methods and levels; the other side
  computes the same methods for areas only, the published way.
- `aggregation_goal`, `evaluation_goal`: the same beside the rate that was asked for, at the intended size:

    .venv/bin/python benchmarks/aggregation.py --locations 1500000

The predictions are invented. Tables and the other side have a process of their own, so that the memory that is printed
is that of the stages: this process, the JVM and Spark's workers, each shared page counted once.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from measure import Comparison, PeakMemory, arrow_schema, elsewhere, interleaved, record
from streetdeciles.aggregation import stage as aggregation
from streetdeciles.config import RunConfig, SparkConfig
from streetdeciles.evaluation import stage as evaluation
from streetdeciles.methods import NETWORK
from streetdeciles.session import spark_session
from streetdeciles.table import Table
from streetdeciles.tables import AREA_LABELS, LOCATIONS, PREDICTIONS, TRAINING_SET
from streetdeciles.training_set.columns import training_set_ddl

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCATIONS_PER_AREA, AREAS_PER_MSOA, AREAS_PER_DISTRICT, OAS_PER_AREA = 1_500_000 / 32_844, 5, 100, 5
OUTCOMES = tuple(f"outcome_{number:02d}" for number in range(12))
GOAL_ROWS, GOAL_SECONDS = 18_000_000, 60
"""What the goals are for: 1.5 million locations and twelve outcomes."""
FOLDS = 5
ROWS_PER_GROUP = 1_000_000


def write_tables(work_dir: Path, n_locations: int) -> None:
    """Locations, labels, predictions and the training set's columns of areas."""
    random = np.random.default_rng(0)
    n_areas = max(20, round(n_locations / LOCATIONS_PER_AREA))
    area = np.sort(random.integers(0, n_areas, n_locations))
    ids, area_ids = codes("L", random.permutation(n_locations)), codes("E01", np.arange(n_areas))
    oa = codes("E00", area * OAS_PER_AREA + random.integers(0, OAS_PER_AREA, n_locations))
    write(
        LOCATIONS,
        work_dir,
        location_id=ids,
        region=np.full(n_locations, "everywhere", object),
        area_id=area_ids[area],
        oa=oa,
        msoa=codes("E02", area // AREAS_PER_MSOA),
        latitude=50 + area / n_areas * 5,
        longitude=random.uniform(-3, 1, n_areas)[area],
        district=codes("D", area // AREAS_PER_DISTRICT),
    )
    deciles = np.stack([random.permutation(n_areas) * 10 // n_areas + 1 for _ in OUTCOMES], axis=1)
    write(
        AREA_LABELS,
        work_dir,
        region=np.full(deciles.size, "everywhere", object),
        area_id=np.repeat(area_ids, len(OUTCOMES)),
        outcome=np.tile(np.array(OUTCOMES, object), n_areas),
        value=deciles.ravel().astype(float),
        decile=deciles.ravel(),
        national_decile=deciles.ravel(),
    )
    fold = random.integers(0, FOLDS, n_areas)
    order = np.argsort(ids)
    for part, rows in enumerate(np.array_split(order, max(2, n_locations // 125_000))):
        scores = (deciles[area[rows]] - 5.5) / 4 + random.normal(0, 1, (len(rows), len(OUTCOMES)))
        scores = scores.astype(np.float32).astype(np.float64).ravel()
        write(
            PREDICTIONS,
            work_dir,
            part,
            location_id=np.repeat(ids[rows], len(OUTCOMES)),
            outcome=np.tile(np.array(OUTCOMES, object), len(rows)),
            model=np.full(scores.size, NETWORK, object),
            fold=np.repeat(fold[area[rows]], len(OUTCOMES)),
            score=scores,
            decile=np.minimum(9, np.floor(10 / (1 + np.exp(-scores)))) + 1,
        )
    areas = {name: deciles[:, i] for i, name in enumerate(OUTCOMES)}
    table = Table(TRAINING_SET, (), dict(pair.split(" ") for pair in training_set_ddl(OUTCOMES).split(", ")))
    write(
        table,
        work_dir,
        region=np.full(n_areas, "everywhere", object),
        area_id=area_ids,
        fold=fold,
        buffer_of=np.full(n_areas, "", object),
        **areas,
    )


def codes(prefix: str, numbers: np.ndarray) -> np.ndarray:
    return np.char.add(prefix, np.char.zfill(numbers.astype(str), 8)).astype(object)


def write(table: Table, work_dir: Path, part: int = 0, /, **columns: np.ndarray) -> None:
    schema = arrow_schema(table)
    n = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(n, field.type)
        for field in schema
    ]
    (work_dir / table.name).mkdir(exist_ok=True)
    path = work_dir / table.name / f"part-{part:05d}.parquet"
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, row_group_size=ROWS_PER_GROUP)


def with_pandas(work_dir: Path, out: Path) -> None:
    """The methods of the published script, for areas, in one process that holds all predictions."""
    columns = ["location_id", "outcome", "score", "decile"]
    predictions = pd.read_parquet(work_dir / PREDICTIONS.name, columns=columns)
    locations = pd.read_parquet(work_dir / LOCATIONS.name, columns=["location_id", "area_id"])
    frames = []
    for outcome, rows in predictions.groupby("outcome"):
        located = rows.merge(locations, on="location_id")
        located["score_decile"] = pd.qcut(located["score"], 10, labels=False) + 1
        of_area = located.groupby("area_id")
        votes = located.groupby(["area_id", "decile"]).size().reset_index(name="n")
        modes = votes[votes["n"] == votes.groupby("area_id")["n"].transform("max")]
        methods = {
            "score_mean": np.minimum(np.floor(10 / (1 + np.exp(-of_area["score"].mean()))) + 1, 10),
            "score_decile_mean": np.rint(of_area["score_decile"].mean()),
            "decile_mean": np.rint(of_area["decile"].mean()),
            "decile_median": of_area["decile"].median(),
            "decile_mode": modes.groupby("area_id")["decile"].mean(),
        }
        frames += [
            values.reset_index(name="decile").assign(outcome=outcome, method=name) for name, values in methods.items()
        ]
    pd.concat(frames).to_parquet(out / "with_pandas.parquet")


def timed(rows: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    with PeakMemory() as memory:
        work()
    seconds = time.perf_counter() - start
    print(f"{rows} predictions in {seconds:.1f} s, at most {memory.peak >> 20} MB", flush=True)
    return rows / seconds


def timed_pandas(rows: int, work_dir: Path, out: Path) -> float:
    start = time.perf_counter()
    with_pandas(work_dir, out)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"pandas: {rows} predictions in {seconds:.1f} s, at most {peak} MB", flush=True)
    return rows / seconds


def config_of(work_dir: Path) -> RunConfig:
    return RunConfig.model_validate(
        {
            "work_dir": str(work_dir),
            "labels": {"regions": {"everywhere": "all"}, "tables": [{"path": "none"}], "locations": "none"},
            "images": {"folder": "none", "pattern": "{location_id}_{view}.jpg"},
            "dataset": {"outcomes": list(OUTCOMES), "folds": FOLDS},
            "evaluation": {"feature_baselines": False},
        }
    )


def measure(spark: SparkSession, work_dir: Path, out: Path, n_locations: int, runs: int) -> None:
    config = config_of(work_dir)
    rows = n_locations * len(OUTCOMES)
    compared = interleaved(
        lambda: timed(rows, lambda: aggregation.run(spark, config)),
        lambda: elsewhere(timed_pandas, rows, work_dir, out),
        runs,
    )
    record("aggregation", compared, unit="predictions/s", other_is="pandas, the published methods for areas only")
    evaluated = timed(rows, lambda: evaluation.run(spark, config))
    if rows >= GOAL_ROWS:
        goal = f"the goal: {GOAL_ROWS} predictions in {GOAL_SECONDS} s"
        for name, rate in (("aggregation_goal", compared.ours), ("evaluation_goal", evaluated)):
            side = Comparison(rate, GOAL_ROWS / GOAL_SECONDS, runs)
            record(name, side, unit="predictions/s", other_is=goal)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locations", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work_dir = Path(name) / "work"
        work_dir.mkdir()
        elsewhere(write_tables, work_dir, options.locations)
        with spark_session(SparkConfig(master="local[*]"), str(work_dir)) as spark:
            measure(spark, work_dir, Path(name), options.locations, options.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
