"""The training set as HDF5 and CSV, with the same rows in both (docs/reference.md, 3)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.csv_cells import write_rows
from streetdeciles.disks import is_disk
from streetdeciles.errors import RunFailed
from streetdeciles.progress import progress
from streetdeciles.tables import TRAINING_SET_PARTS
from streetdeciles.training_set.columns import ARRAYS, Batch, TrainingSetShape
from streetdeciles.training_set.reader import open_training_set, training_set_shape

if TYPE_CHECKING:
    import h5py

FILE_NAMES = ("training_set.h5", "training_set.csv", TRAINING_SET_PARTS)
"""The last is a folder, which only a large set has."""

HEADERS_BYTES = 2**17
CSV_LINE_BYTES = 200
LOCATION_COLUMNS = ("location_id", "region", "area_id", "oa", "msoa", "fold")

_MAX_FILE_BYTES = 4 * 2**30
"""A larger set is divided into files of this size at most, which every file system and upload takes."""


def export_hdf5(training_set: str, work_dir: str) -> None:
    """Write FILE_NAMES from the set at `training_set`; those of an older export must have been removed."""
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
        for name in reversed(FILE_NAMES):  # parts first: without them the file over them would be read as zeros
            if storage.exists(storage.join(staged, name)):
                storage.replace(storage.join(staged, name), storage.join(work_dir, name))
    finally:
        storage.remove(staged)


def remove_export(work_dir: str) -> None:
    """Remove the files of an export of older rows."""
    for name in FILE_NAMES:
        storage.remove(storage.join(work_dir, name))


def write_files(batches: Iterable[Batch], shape: TrainingSetShape, folder: Path) -> None:
    """Write all files in one pass over `batches`, with one batch in memory.

    `training_set.h5` holds `features` float32 [rows, views, feature_size] and `view_mask` bool [rows, views]; if it
    were larger than _MAX_FILE_BYTES, these are virtual data sets over the files in `training_set_parts`.
    Line i of `training_set.csv` (below its header) is the location of row i. The reference's names for its columns:
    location_id is `img_id`, area_id `lsoa11`, oa `oa11`, msoa `msoa11`. A decile that is not known is empty.

    Raises:
        RunFailed: the rows are not in the order of `row_number`, or some are missing.
        OSError: there is no room for the files.
    """
    arrays = _Arrays(shape, folder)
    with (
        closing(arrays),
        (folder / FILE_NAMES[1]).open("w", encoding="utf-8", newline="") as text,
        progress(FILE_NAMES[0], shape.rows, unit="locations") as advance,
    ):
        write_rows(text, [[*LOCATION_COLUMNS, *shape.outcomes]])
        row = 0
        for batch in batches:
            numbers = batch["row_number"]
            end = row + len(numbers)
            if (numbers != range(row, end)).any():
                raise RunFailed(f"training_set: row {row} is out of order; run the stage dataset again")
            arrays.write(row, {name: batch[name] for name in ARRAYS})
            write_rows(text, _lines(batch, shape.outcomes))
            advance(end - row)
            row = end
        if row != shape.rows:
            raise RunFailed(f"training_set: has {row} rows of {shape.rows}; run the dataset stage again")


class _Arrays:
    """`features` and `view_mask` in one file, or in several with one over them; one is open at a time."""

    def __init__(self, shape: TrainingSetShape, folder: Path) -> None:
        self._shapes: dict[str, tuple[tuple[int, ...], str]] = {
            "features": ((shape.views, shape.feature_size), "float32"),
            "view_mask": ((shape.views,), "bool"),
        }
        bytes_per_row = shape.views * (4 * shape.feature_size + 1)
        rows = max(1, min(shape.rows, (_MAX_FILE_BYTES - HEADERS_BYTES) // bytes_per_row))
        self._starts = range(0, shape.rows, rows)
        self._rows = shape.rows
        self._whole = folder / FILE_NAMES[0]
        self._paths = [self._whole]
        if len(self._starts) > 1:
            (folder / FILE_NAMES[2]).mkdir()
            self._paths = [folder / FILE_NAMES[2] / f"part-{i:05d}.h5" for i in range(len(self._starts))]
        self._file: h5py.File | None = None
        for path, start in zip(self._paths, self._starts, strict=True):
            n = self._end(start) - start
            _reserve(path, n * (bytes_per_row + CSV_LINE_BYTES) + HEADERS_BYTES)

    def write(self, row: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Write rows from number `row` on; these must follow those written before."""
        end = row + len(arrays["features"])
        for path, start in zip(self._paths, self._starts, strict=True):
            first, last = max(row, start), min(end, self._end(start))
            if first < last:
                if first == start:
                    self._open(path, self._end(start) - start)
                assert self._file is not None
                for name, values in arrays.items():
                    self._file[name][first - start : last - start] = values[first - row : last - row]

    def close(self) -> None:
        """Write the file over the others."""
        import h5py

        if self._file is not None:
            self._file.close()
        if len(self._paths) == 1:
            return
        with h5py.File(self._whole, "w") as file:
            for name, (of_row, kind) in self._shapes.items():
                layout = h5py.VirtualLayout((self._rows, *of_row), kind)
                for path, start in zip(self._paths, self._starts, strict=True):
                    relative = path.relative_to(self._whole.parent).as_posix()
                    n = self._end(start) - start
                    layout[start : start + n] = h5py.VirtualSource(relative, name, (n, *of_row), kind)
                file.create_virtual_dataset(name, layout)

    def _end(self, start: int) -> int:
        return min(start + self._starts.step, self._rows)

    def _open(self, path: Path, rows: int) -> None:
        import h5py

        if self._file is not None:
            self._file.close()
        self._file = h5py.File(path, "w")
        for name, (of_row, kind) in self._shapes.items():
            self._file.create_dataset(name, (rows, *of_row), kind)


def _reserve(path: Path, n_bytes: int) -> None:
    """OSError where the disk has no room for the file: HDF5 crashes the process if it finds that out by itself."""
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def _lines(batch: Batch, outcomes: Iterable[str]) -> Iterable[tuple[object, ...]]:
    locations = [batch[name].tolist() for name in LOCATION_COLUMNS]
    deciles = [[decile or None for decile in batch[outcome].tolist()] for outcome in outcomes]
    return zip(*locations, *deciles, strict=True)
