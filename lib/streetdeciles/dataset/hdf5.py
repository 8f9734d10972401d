"""The training set as HDF5 and CSV, with the same rows in both (docs/reference.md, 3)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from streetdeciles import storage
from streetdeciles.csv_cells import write_rows
from streetdeciles.disks import is_disk
from streetdeciles.errors import RunFailed
from streetdeciles.progress import progress
from streetdeciles.training_set.columns import Batch, TrainingSetShape
from streetdeciles.training_set.reader import open_training_set, training_set_shape

FILE_NAMES = ("training_set.h5", "training_set.csv")
HEADERS_BYTES = 2**17
CSV_LINE_BYTES = 200
LOCATION_COLUMNS = ("location_id", "region", "area_id", "oa", "msoa", "fold")


def export_hdf5(training_set: str, work_dir: str) -> int:
    """Write `training_set.h5` and `training_set.csv` from the set at `training_set`; returns the number of rows."""
    shape = training_set_shape(training_set)
    staged = storage.staging_uri(work_dir, "hdf5")
    try:
        if is_disk(work_dir):
            folder = Path(storage.local_path(staged))
            folder.mkdir(parents=True)
            write_files(open_training_set(training_set), shape, folder)
        else:  # HDF5 needs a file in which it can seek
            with TemporaryDirectory() as name:
                write_files(open_training_set(training_set), shape, Path(name))
                storage.upload(Path(name), staged)
        for name in FILE_NAMES:
            storage.replace(storage.join(staged, name), storage.join(work_dir, name))
    finally:
        storage.remove(staged)
    return shape.rows


def write_files(batches: Iterable[Batch], shape: TrainingSetShape, folder: Path) -> None:
    """Write both files in one pass over `batches`, with one batch in memory.

    `training_set.h5` holds `features` float32 [rows, views, feature_size] and `view_mask` bool [rows, views];
    line i of `training_set.csv` (below its header) is the location of row i. The reference's names for its columns:
    location_id is `img_id`, area_id `lsoa11`, oa `oa11`, msoa `msoa11`. A decile that is not known is empty.

    Raises:
        RunFailed: the rows are not in the order of `row_number`, or some are missing.
        OSError: there is no room for the files.
    """
    import h5py

    _reserve(folder / FILE_NAMES[0], shape)
    with (
        h5py.File(folder / FILE_NAMES[0], "w") as file,
        (folder / FILE_NAMES[1]).open("w", encoding="utf-8", newline="") as text,
        progress("training_set.h5", shape.rows, unit="locations") as advance,
    ):
        write_rows(text, [[*LOCATION_COLUMNS, *shape.outcomes]])
        features = file.create_dataset("features", (shape.rows, shape.views, shape.feature_size), "float32")
        view_mask = file.create_dataset("view_mask", (shape.rows, shape.views), "bool")
        row = 0
        for batch in batches:
            numbers = batch["row_number"]
            end = row + len(numbers)
            if (numbers != range(row, end)).any():
                raise RunFailed(f"training_set: row {row} is out of order; run the stage dataset again")
            features[row:end] = batch["features"]
            view_mask[row:end] = batch["view_mask"]
            write_rows(text, _lines(batch, shape.outcomes))
            advance(end - row)
            row = end
        if row != shape.rows:
            raise RunFailed(f"training_set: has {row} rows of {shape.rows}; run the dataset stage again")


def _reserve(path: Path, shape: TrainingSetShape) -> None:
    """OSError where the disk has no room for both files: HDF5 crashes the process if it finds that out by itself."""
    hdf5_bytes = shape.rows * shape.views * (4 * shape.feature_size + 1) + HEADERS_BYTES
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, hdf5_bytes + shape.rows * CSV_LINE_BYTES)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def _lines(batch: Batch, outcomes: Iterable[str]) -> Iterable[tuple[object, ...]]:
    locations = [batch[name].tolist() for name in LOCATION_COLUMNS]
    deciles = [[decile or None for decile in batch[outcome].tolist()] for outcome in outcomes]
    return zip(*locations, *deciles, strict=True)
