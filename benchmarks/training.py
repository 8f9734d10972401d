"""Training: all outcomes and folds in one stack from a memory map, against the reference's loop.

The reference's loop is written from its description, in PyTorch: one model after another, twenty rows per batch, each
drawn by class and read from HDF5 by itself. Both sides train a network of the paper's widths, ours with batch
normalisation and the reference's PyTorch variant without. A model-row is one row that one model learns from.

There are two comparisons, in float32 and, if it is native, in bfloat16: ours against that loop, and ours against the
rate at which this machine multiplies matrices of these sizes. The loop runs in a separate process, as it would for its
users: after other work in the same process, its speed changes by up to a half. With --epochs, the script also prints
the validation errors of both sides on a planted signal, ours with the default preset.
"""

from __future__ import annotations

import argparse
import gc
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import mean

import keras
import numpy as np

from measure import interleaved, record, this_machine
from streetdeciles.config import TrainingConfig
from streetdeciles.hardware import device_of
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.cache import COLUMNS, TrainingRows, cache_rows
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.plan import TrainingPlan, plan_training
from streetdeciles.training.stacked_training import Watcher, train_models
from streetdeciles.training.steps import STEPS_PER_CALL
from streetdeciles.training_set.reader import open_training_set, training_set_shape
from torch_loop import ReferenceLoop, loop_rate, of_first_model, start_loop, write_features

VIEWS, FEATURE_SIZE = 4, 4096
SIGNAL_SIZE, SIGNAL_NOISE = 64, 4.0
PRODUCTS_IN_A_ROW = 10


def make_rows(folder: Path, n_rows: int, *, outcomes: int, folds: int) -> TrainingRows:
    """Noise like VGG16's fc6, four locations per area; each outcome's decile shifts `SIGNAL_SIZE` features."""
    rng = np.random.default_rng(0)
    area = np.arange(n_rows, dtype=np.int32) // 4
    deciles = rng.integers(1, 11, (area[-1] + 1, outcomes), dtype=np.int8)[area]
    features = np.memmap(folder / "features.bin", np.float32, "w+", shape=(n_rows, VIEWS, FEATURE_SIZE))
    for start in range(0, n_rows, 256):
        rows = slice(start, min(start + 256, n_rows))
        features[rows] = rng.normal(-3, SIGNAL_NOISE, (rows.stop - start, VIEWS, FEATURE_SIZE))
        for outcome_index in range(outcomes):
            shifted = slice(outcome_index * SIGNAL_SIZE, (outcome_index + 1) * SIGNAL_SIZE)
            features[rows, :, shifted] += (deciles[rows, outcome_index] / 5.5 - 1)[:, None, None]
    names = tuple(f"outcome_{o}" for o in range(outcomes))
    return TrainingRows(names, features, np.ones((n_rows, VIEWS), bool), (area % folds).astype(np.int32), area, deciles)


def stacked(assignments: Assignments, settings: TrainingConfig, *, stop_after_s: float) -> Callable[[], float]:
    """Model-rows/s of learning, without validation and what compiles: ten batches, or with JAX the first epoch.

    With JAX, which does many steps in a call, each epoch's first call starts the clock.
    """

    class Enough(Exception):
        pass

    def run() -> float:
        jax = keras.backend.backend() == "jax"
        batches, epochs, in_epoch = 0, 0, 0
        before: float | None = None
        spent, learned = 0.0, 0

        def on_batch(model_rows: int) -> None:
            nonlocal batches, before, spent, learned, in_epoch
            now = time.perf_counter()
            batches, in_epoch = batches + 1, in_epoch + 1
            compiled = epochs > 0 if jax else batches > 10
            if before is not None and compiled:
                spent, learned = spent + now - before, learned + model_rows
            before = now if not jax or in_epoch >= STEPS_PER_CALL else None
            if spent > stop_after_s:
                raise Enough

        def on_epoch(rows: list[HistoryRow]) -> None:
            nonlocal before, epochs, in_epoch
            before, in_epoch = None, 0
            epochs += 1

        with suppress(Enough):
            train_models(assignments, plan_of(settings, assignments), watcher=Watcher(on_batch, on_epoch), hold=True)
        gc.collect()
        if not spent:
            raise RuntimeError("an epoch is over before anything is measured; give it more --rows")
        return learned / spent

    return run


def plan_of(settings: TrainingConfig, assignments: Assignments) -> TrainingPlan:
    return plan_training(settings, seed=1, n_locations=len(assignments.rows), precision=settings.precision)


def products(assignments: Assignments, settings: TrainingConfig, *, seconds: float) -> Callable[[], float]:
    """Model-rows/s if only matrix products took time, at this machine's rate for those of the first layer.

    The first layer of the views has 93 % of all multiplications. On a GPU products are queued one after the other, so
    that none of them waits for Python.
    """
    folds, outcomes = len(assignments.folds), len(assignments.outcomes)
    rows = plan_of(settings, assignments).batch_size * VIEWS
    random = np.random.default_rng(0)
    x, w = (
        keras.ops.convert_to_tensor(random.standard_normal(shape, np.float32), dtype=settings.precision)
        for shape in ((folds, 1, rows, FEATURE_SIZE), (folds, outcomes, FEATURE_SIZE, 512))
    )

    def run() -> float:
        keras.ops.matmul(x, w)
        start, n = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            for _ in range(PRODUCTS_IN_A_ROW):
                product = keras.ops.matmul(x, w)
            keras.ops.convert_to_numpy(keras.ops.cast(product[0, 0, 0, 0], "float32"))
            n += PRODUCTS_IN_A_ROW
        multiplied = n * folds * outcomes * rows * FEATURE_SIZE * 512 / (time.perf_counter() - start)
        return multiplied / multiplications(settings)

    return run


def multiplications(settings: TrainingConfig) -> int:
    """Multiplications per model-row: forward, backward for weights and, except in the first layer, for inputs."""
    sizes = [FEATURE_SIZE, *settings.view_units]
    first, *others = [a * b for a, b in zip(sizes, sizes[1:], strict=False)]
    return VIEWS * (2 * first + 3 * sum(others))


def peak_memory_bytes() -> int:
    """Peak use of the GPU's memory if JAX computes on one, else of this process's memory."""
    if keras.backend.backend() == "jax":
        import jax

        statistics = jax.local_devices()[0].memory_stats()
        if statistics:
            return int(statistics["peak_bytes_in_use"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def compare_errors(what: str, assignments: Assignments, settings: TrainingConfig, epochs: int, path: Path) -> None:
    """Print both sides' mean validation MAE over the models of `assignments` after each epoch.

    The HDF5 file at `path` has the same features.
    """
    history: list[HistoryRow] = []
    without_stopping = settings.model_copy(update={"epochs": epochs, "patience": epochs})
    train_models(assignments, plan_of(without_stopping, assignments), watcher=Watcher(on_epoch=history.extend))
    ours = [mean(row.val_mae for row in history if row.epoch == epoch + 1) for epoch in range(epochs)]
    reference = np.zeros(epochs)
    for fold_index in range(len(assignments.folds)):
        for outcome_index in range(len(assignments.outcomes)):
            reference += reference_errors(assignments.part([fold_index], [outcome_index]), epochs, path)
    reference /= len(assignments.models)
    for side, errors in (("ours", ours), ("the reference's loop", reference)):
        print(f"validation MAE on {what}, {side}: {', '.join(f'{error:.2f}' for error in errors)}", flush=True)


def reference_errors(one: Assignments, epochs: int, path: Path) -> np.ndarray:
    """The validation MAE of a single model after each of its epochs."""
    loop = ReferenceLoop(path, *of_first_model(one))
    validation = np.flatnonzero(one.validation_weights(0, np.arange(len(one.rows)))[0])
    true = one.deciles(validation)[0]
    errors = []
    for _ in range(epochs):
        loop.steps(max(1, one.n_learning() // loop.batch_size))
        errors.append(float(np.abs(loop.predict(validation) - true).mean()))
    return np.array(errors)


def read_rows(uri: str, folder: Path) -> TrainingRows:
    """The training set of a run."""
    shape = training_set_shape(uri)
    return cache_rows(open_training_set(uri, [*COLUMNS, *shape.outcomes]), shape, folder, dtype="float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--outcomes", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="duration of each side's run")
    parser.add_argument(
        "--epochs", type=int, default=0, help="also compare validation errors after this number of epochs"
    )
    parser.add_argument(
        "--training-set", help="also compare errors on the training set of a run, e.g. output/demo/training_set"
    )
    options = parser.parse_args()
    settings = TrainingConfig(precision="float32")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = make_rows(folder, options.rows, outcomes=options.outcomes, folds=options.folds)
        assignments, _ = plan_assignments(rows, validation_share=settings.validation_share, seed=1)
        path = folder / "training_set.h5"
        write_features(rows, path)
        other = "one model at a time in PyTorch, 20 rows per batch from HDF5"
        device = device_of(keras.backend.backend())
        precisions = ["float32", "bfloat16"] if device.bfloat16 else ["float32"]
        loop = (path, *of_first_model(assignments))
        with ProcessPoolExecutor(1, get_context("spawn"), start_loop, loop) as process:
            for precision in precisions:
                in_precision = settings.model_copy(update={"precision": precision})
                ours = stacked(assignments, in_precision, stop_after_s=options.seconds)
                compared = interleaved(
                    ours, lambda: process.submit(loop_rate, options.seconds).result(), runs=options.runs
                )
                record(f"training_{precision}", compared, unit="model-rows/s", other_is=other)
        for precision in precisions:
            in_precision = settings.model_copy(update={"precision": precision})
            ours = stacked(assignments, in_precision, stop_after_s=options.seconds)
            compared = interleaved(
                ours, products(assignments, in_precision, seconds=options.seconds / 2), runs=options.runs
            )
            other = f"what the machine's {precision} matrix products alone would allow"
            benchmark = "training_products_gpu" if device.kind == "gpu" else f"training_products_{precision}"
            machine = f"{device.name}, {this_machine()}" if device.kind == "gpu" else None
            record(benchmark, compared, unit="model-rows/s", other_is=other, machine=machine)
            print(f"50 epochs in {precision}: {50 * assignments.n_learning() / compared.ours:.0f} s, plus validation")
        print(f"peak memory: {peak_memory_bytes() / 1e9:.1f} GB")
        if options.epochs:
            compare_errors("a planted signal", assignments.part([0], [0]), settings, options.epochs, path)
        if options.epochs and options.training_set:
            (folder / "demo").mkdir()
            rows = read_rows(options.training_set, folder / "demo")
            assignments, _ = plan_assignments(rows, validation_share=settings.validation_share, seed=1)
            path = folder / "demo.h5"
            write_features(rows, path)
            compare_errors(options.training_set, assignments, settings, options.epochs, path)


if __name__ == "__main__":
    main()
