"""Reading the training set: its shape, its files, and its rows batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.tables import training_set_columns
from streetdeciles.training_set.columns import Batch, TrainingSetShape, as_array

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ROWS_PER_BATCH = 512


def open_training_set(uri: str, columns: Sequence[str] | None = None) -> Iterator[Batch]:
    """Batches of at most ROWS_PER_BATCH rows in the order of `row_number`, each a dict of arrays with rows first.

    `location_id`, `region`, `area_id`, `oa`, `msoa`, `unit`, `buffer_of`: str or None (object); `row_number` int64,
    `fold` and `block` int32;
    `features` float32 [n, views, feature_size], zeros for a missing view; `view_mask` bool [n, views]; each outcome
    int8, 1..10, and **0 if the decile is not known**.

    Args:
        uri: the folder of the set, e.g. `<work_dir>/training_set`.
        columns: the columns to read; None for all.

    Raises:
        RunFailed: the set or a column does not exist.

    >>> for batch in open_training_set("output/demo/training_set", ["location_id", "features", "imd_income"]):
    ...     print(batch["location_id"], batch["features"].shape, batch["imd_income"])
    ['BL9 0AA' 'BL9 0AB'] (2, 1, 3) [7 0]
    """
    known = _column_names(uri)
    names = list(known) if columns is None else list(columns)
    if unknown := [name for name in names if name not in known]:
        raise RunFailed(f"{uri}: no column {', '.join(unknown)}; there are {', '.join(known)}")
    return _batches(uri, names)


def training_set_shape(uri: str) -> TrainingSetShape:
    """Rows, views, feature size and outcomes of a set, read from its footers and first row."""
    import pyarrow.parquet as pq

    fs, paths = _files(uri)
    rows = 0
    for path in paths:
        with fs.open(path, "rb") as file:
            rows += pq.ParquetFile(file).metadata.num_rows
    first = next(_batches(uri, ["features"], batch_rows=1))["features"]
    outcomes = _column_names(uri)[len(training_set_columns([])) :]
    return TrainingSetShape(rows, first.shape[1], first.shape[2], outcomes)


def training_set_files(uri: str) -> dict[str, int]:
    """Name and size of each Parquet file of a set, in the order of `row_number`; a rewritten set has other names."""
    fs, paths = _files(uri)
    return {path.rsplit("/", 1)[-1]: int(fs.size(path)) for path in paths}


def _files(uri: str) -> tuple[AbstractFileSystem, list[str]]:
    """The Parquet files in the order of `row_number`, which is that of Spark's file names."""
    fs, path = storage.filesystem(uri)
    if not fs.exists(path):
        raise RunFailed(f"{uri}: no such training set; run the dataset stage first")
    return fs, sorted(name for name in fs.ls(path, detail=False) if name.endswith(".parquet"))


def _column_names(uri: str) -> tuple[str, ...]:
    import pyarrow.parquet as pq

    fs, paths = _files(uri)
    with fs.open(paths[0], "rb") as file:
        return tuple(pq.ParquetFile(file).schema_arrow.names)


def _batches(uri: str, columns: Sequence[str], *, batch_rows: int = ROWS_PER_BATCH) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    fs, paths = _files(uri)
    for path in paths:
        with fs.open(path, "rb") as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_rows, columns=list(columns)):
                yield {name: as_array(name, batch.column(name)) for name in columns}
