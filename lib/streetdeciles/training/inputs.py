"""What a training starts from: its rows, the models that it may start from, and who learns from what."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from streetdeciles import storage
from streetdeciles.config import DatasetConfig, TrainingConfig
from streetdeciles.disks import is_disk
from streetdeciles.progress import progress
from streetdeciles.tables import TRAINING_SET
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.cache import COLUMNS, TrainingRows, cache_rows
from streetdeciles.training_set.reader import open_training_set, training_set_shape

if TYPE_CHECKING:
    from streetdeciles.models.start import StartModels


def read_rows(work_dir: str, folder: Path, *, dtype: Literal["float32", "float16"]) -> TrainingRows:
    """The training set, with its features in the local `folder`, as numbers of `dtype`."""
    uri = storage.join(work_dir, TRAINING_SET)
    shape = training_set_shape(uri)
    with progress("training: reading", shape.rows, unit="locations") as advance:

        def counted_batches() -> Iterator[dict[str, Any]]:
            for batch in open_training_set(uri, [*COLUMNS, *shape.outcomes]):
                yield batch
                advance(len(batch["row_number"]))

        return cache_rows(counted_batches(), shape, folder, dtype=dtype)


def read_start_models(settings: TrainingConfig, work_dir: str) -> StartModels | None:
    """The models of `training.start_from` that fit the training set; None if it is not set."""
    if settings.start_from is None:
        return None
    from streetdeciles.models.start import load_start_models
    from streetdeciles.training.stack import shape_of_input

    rows = training_set_shape(storage.join(work_dir, TRAINING_SET))
    shape = shape_of_input(rows.views, rows.feature_size, settings=settings)
    return load_start_models(settings.start_from, rows.outcomes, shape)


def assign_rows(
    rows: TrainingRows, settings: TrainingConfig, dataset: DatasetConfig, *, seed: int
) -> tuple[Assignments, list[str]]:
    """The assignments that the settings ask for, and notes for the report."""
    assignments, notes = plan_assignments(
        rows,
        validation_share=settings.validation_share,
        seed=seed,
        train_size=settings.train_size,
        folds=settings.folds,
        held_out_deciles=dataset.held_out_deciles or (),
    )
    if settings.train_size < 1:
        notes.append(f"learned from a share of {settings.train_size:.3g} of the areas available to learn from")
    if settings.start_from is not None:
        notes.append(
            f"started from {settings.start_from}: results are for held-out areas only if those models have not seen "
            "these areas"
        )
    return assignments, notes


@contextmanager
def scratch_folder(work_dir: str) -> Iterator[Path]:
    """A folder on a disk for the cache, deleted afterwards; first deletes what a killed run has left."""
    if not is_disk(work_dir):
        with tempfile.TemporaryDirectory(prefix="streetdeciles-training-") as folder:
            yield Path(folder)
        return
    path = Path(storage.local_path(work_dir)) / "_cache" / "training"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)
        with suppress(OSError):  # it also holds other caches
            path.parent.rmdir()
