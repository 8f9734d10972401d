"""Training: all outcomes and folds in one stack from a memory map, against the reference's loop.

The reference's loop, written anew from its description: one model after the other, twenty rows a batch, each drawn by
class and read from HDF5 by itself. Both sides train the paper's network with Keras on TensorFlow, in float32.
A model-row is one row that one model learns from.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np

from measure import interleaved, record
from streetdeciles.config import TrainingConfig
from streetdeciles.ordinal.binomial import negative_log_likelihood
from streetdeciles.ordinal.network import initial_weights, location_network
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.lessons import Lessons, plan_lessons
from streetdeciles.training.stacked_training import Watcher, network_shape, train_models

VIEWS, FEATURE_SIZE = 4, 4096
REFERENCE_BATCH = 20


def make_rows(folder: Path, n_rows: int, *, outcomes: int, folds: int) -> TrainingRows:
    """Noise with random deciles, four locations an area: what it costs to learn does not depend on what is learned."""
    rng = np.random.default_rng(0)
    features = np.memmap(folder / "features.bin", np.float32, "w+", shape=(n_rows, VIEWS, FEATURE_SIZE))
    for start in range(0, n_rows, 256):
        features[start : start + 256] = rng.normal(-3, 4, (len(features[start : start + 256]), VIEWS, FEATURE_SIZE))
    area = np.arange(n_rows, dtype=np.int32) // 4
    deciles = rng.integers(1, 11, (area[-1] + 1, outcomes), dtype=np.int8)[area]
    names = tuple(f"outcome_{o}" for o in range(outcomes))
    return TrainingRows(names, features, np.ones((n_rows, VIEWS), bool), (area % folds).astype(np.int32), area, deciles)


def stacked(lessons: Lessons, settings: TrainingConfig) -> Callable[[], float]:
    """Model-rows/s of the second epoch's learning: the first compiles."""

    def run() -> float:
        ends: list[float] = []
        batches: list[tuple[float, int]] = []

        def on_epoch(rows: list[HistoryRow]) -> None:
            ends.append(time.perf_counter())

        def on_batch(model_rows: int) -> None:
            batches.append((time.perf_counter(), model_rows if ends else 0))

        train_models(lessons, settings.model_copy(update={"epochs": 2}), seed=1, watcher=Watcher(on_batch, on_epoch))
        return sum(model_rows for _, model_rows in batches) / (batches[-1][0] - ends[0])

    return run


def reference_loop(lessons: Lessons, settings: TrainingConfig, folder: Path, *, steps: int) -> Callable[[], float]:
    """Model-rows/s of one model's steps; all models cost the same, so there is no need to wait for each."""
    path = folder / "training_set.h5"
    with h5py.File(path, "w") as file:
        file["features"] = lessons.rows.features
    shape = network_shape(lessons.rows, settings)
    network = location_network(shape)
    network.set_weights(initial_weights(network, np.random.default_rng(1)))

    def loss(deciles: object, scores: object) -> object:
        return negative_log_likelihood(deciles, scores)

    network.compile(optimizer=keras.optimizers.Adam(settings.learning_rate), loss=loss, jit_compile=False)
    learning = np.flatnonzero(lessons.learning_weights(0, np.arange(len(lessons.rows)))[0])
    deciles = lessons.rows.deciles[:, 0]
    by_class = [learning[deciles[learning] == decile] for decile in np.unique(deciles[learning])]
    rng = np.random.default_rng(2)

    def step(file: h5py.File) -> None:
        drawn = [int(rng.choice(by_class[rng.integers(len(by_class))])) for _ in range(REFERENCE_BATCH)]
        features = np.stack([file["features"][row] for row in drawn])
        given = {"features": features, "view_mask": np.ones((REFERENCE_BATCH, VIEWS), bool)}
        network.train_on_batch(given, deciles[drawn][:, None].astype(np.int32))

    def run() -> float:
        with h5py.File(path) as file:
            start = time.perf_counter()
            for _ in range(steps):
                step(file)
            return steps * REFERENCE_BATCH / (time.perf_counter() - start)

    with h5py.File(path) as file:
        for _ in range(3):  # compiles
            step(file)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=480)
    parser.add_argument("--outcomes", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    settings = TrainingConfig()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = make_rows(folder, options.rows, outcomes=options.outcomes, folds=options.folds)
        lessons, _ = plan_lessons(rows, validation_share=settings.validation_share, seed=1)
        ours = stacked(lessons, settings)
        other = reference_loop(lessons, settings, folder, steps=60)
        compared = interleaved(ours, other, runs=options.runs)
    record("training", compared, unit="model-rows/s", other_is="one model at a time, 20 rows a batch from HDF5")


if __name__ == "__main__":
    main()
