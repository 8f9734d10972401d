"""Whether the stages after the features keep their speed, and the driver its memory, when locations multiply.

- `scale_dataset`, `scale_prediction`: the stage on many locations with small features and twelve outcomes, against a
  tenth of them: locations per second, and per core second, which other work on the machine does not change.
- `scale_driver_memory`: the driver's memory on few locations over that on many, for each stage from dataset to
  evaluation: the most that its Python took, and the heap in use after a collection of garbage at the end.

The intended sizes are:

    .venv/bin/python benchmarks/scale_stages.py --locations 1500000 --few 10000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from measure import Comparison, PeakMemory, bytes_of_this_process, elsewhere, record
from scale import core_seconds, driver_memory
from streetdeciles.aggregation import stage as aggregation
from streetdeciles.config import SparkConfig
from streetdeciles.dataset import stage as dataset
from streetdeciles.evaluation import stage as evaluation
from streetdeciles.prediction import stage as prediction
from streetdeciles.session import spark_session
from training_set import FOLDS, config_of, write_tables

VIEWS, FEATURE_SIZE = 1, 16
OUTCOMES = tuple(f"outcome_{number:02d}" for number in range(12))
STAGES = {"dataset": dataset, "prediction": prediction, "aggregation": aggregation, "evaluation": evaluation}


class Measured(NamedTuple):
    """A stage: locations per second and per core second, and MB of the driver."""

    rate: float
    core_rate: float
    driver_mb: float


def write_inputs(work_dir: Path, n_locations: int) -> None:
    """The tables that the stage dataset reads, and untrained models of all outcomes and folds."""
    from streetdeciles.models.store import TrainedModel, save_card, save_models
    from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network

    write_tables(
        work_dir, n_locations, views=VIEWS, feature_size=FEATURE_SIZE, outcomes=OUTCOMES, per_shard=n_locations // 8
    )
    shape = NetworkShape(VIEWS, FEATURE_SIZE, (16,), (16,), noise=0.0)
    weights = initial_weights(location_network(shape), np.random.default_rng(0))
    models = [TrainedModel(outcome, fold, weights, 1, 2.0, 2.0) for outcome in OUTCOMES for fold in range(FOLDS)]
    folder = str(work_dir / "models")
    save_card(folder, save_models(models, shape, folder), shape, {}, [])


def run_stages(work_dir: Path, n_locations: int) -> dict[str, Measured]:
    """Run STAGES one after another in one session."""
    config = config_of(work_dir, views=VIEWS, outcomes=OUTCOMES, hdf5=False)
    measured = {}
    with spark_session(SparkConfig(master="local[*]"), str(work_dir)) as spark:
        for name, stage in STAGES.items():
            start, cores = time.perf_counter(), core_seconds()
            with PeakMemory(bytes_of_this_process, every_s=0.05) as memory:
                stage.run(spark, config)
            seconds, cores = time.perf_counter() - start, core_seconds() - cores
            heap = driver_memory(spark)[1]
            python_mb = memory.peak / 2**20
            measured[name] = Measured(n_locations / seconds, n_locations / cores, python_mb + heap)
            per_million = 1e6 / n_locations
            print(
                f"{name}, {n_locations} locations: {seconds:.1f} s and {cores:.1f} core seconds, "
                f"{seconds * per_million:.0f} and {cores * per_million:.0f} per million locations; "
                f"driver: at most {python_mb:.0f} MB Python, {heap:.0f} MB heap",
                flush=True,
            )
    return measured


def measured_at(folder: Path, n_locations: int) -> dict[str, Measured]:
    """The stages in a new process, on tables that another process has written."""
    work_dir = folder / str(n_locations)
    work_dir.mkdir()
    elsewhere(write_inputs, work_dir, n_locations)
    return elsewhere(run_stages, work_dir, n_locations)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locations", type=int, default=10_000)
    parser.add_argument("--few", type=int, default=1_000, help="locations of the small run")
    options = parser.parse_args()
    n, tenth = options.locations, max(options.few, options.locations // 10)
    with tempfile.TemporaryDirectory() as name:
        results = {size: measured_at(Path(name), size) for size in sorted({options.few, tenth, n})}
    for stage in ("dataset", "prediction"):
        many, fewer = results[n][stage], results[tenth][stage]
        other_is = f"the same stage on {tenth} locations"
        for unit, sides in (
            (f"locations/s of {n}", Comparison(many.rate, fewer.rate, 1)),
            (f"locations per core second of {n}", Comparison(many.core_rate, fewer.core_rate, 1)),
        ):
            record(f"scale_{stage}", sides, unit=unit, other_is=other_is)
    for stage in STAGES:
        sides = Comparison(results[options.few][stage].driver_mb, results[n][stage].driver_mb, 1)
        unit = f"MB of the driver, stage {stage}, {options.few} locations"
        record("scale_driver_memory", sides, unit=unit, other_is=f"the same with {n} locations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
