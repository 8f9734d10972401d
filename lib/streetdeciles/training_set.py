"""The training set: a Petastorm data set, written by Spark, read batch by batch. The only module that knows Petastorm.

A row is a location. Its arrays lie in binary columns as `.npy` bytes, which is what Petastorm's NdarrayCodec makes;
so where Petastorm cannot be imported (it needs pyarrow < 15) the same rows are read by pyarrow alone.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.tables import training_set_columns

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem
    from pyspark.sql import DataFrame

ROW_GROUP_MB = 32
BATCH_ROWS = 512

LEARNED, VALIDATED = -1, -2
"""What `fold` is where a location is in no fold: it is to learn from, or every model is validated on it."""
THE_ONE_MODEL = 0
"""The number of an outcome's only model, where there are no folds; also the fold of what is held out from it."""

Batch = dict[str, npt.NDArray[Any]]

_ARRAYS = ("features", "view_mask")
_TEXTS = ("location_id", "region", "area_id", "oa", "msoa")
_NUMBERS = {"row_number": np.int64, "fold": np.int32}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSetShape:
    """`features` of the whole set are float32 [rows, views, feature_size]; `outcomes` in column order."""

    rows: int
    views: int
    feature_size: int
    outcomes: tuple[str, ...]


def open_training_set(uri: str, columns: Sequence[str] | None = None) -> Iterator[Batch]:
    """Batches of at most BATCH_ROWS rows in the order of `row_number`, each a dict of arrays with rows first.

    `location_id`, `region`, `area_id`, `oa`, `msoa`: str or None (object); `row_number` int64, `fold` int32;
    `features` float32 [n, views, feature_size], a view that is missing is zeros; `view_mask` bool [n, views];
    each outcome int8, 1..10, and **0 where the decile is not known**.

    Args:
        uri: folder of the set, e.g. `<work_dir>/training_set`.
        columns: those to read; None: all.

    Raises:
        RunFailed: no such set, or no such column.
    """
    known = _column_names(uri)
    wanted = list(known) if columns is None else list(columns)
    if unknown := [name for name in wanted if name not in known]:
        raise RunFailed(f"{uri}: no column {', '.join(unknown)}; there are {', '.join(known)}")
    url = _petastorm_url(uri)
    if url is not None and _petastorm_is_there():
        return _read_with_petastorm(url, wanted)
    return _read_with_pyarrow(uri, wanted)


def training_set_shape(uri: str) -> TrainingSetShape:
    """Rows, views, feature size and outcomes of a set, from its footers and first row."""
    import pyarrow.parquet as pq

    fs, paths = _files(uri)
    rows = 0
    for path in paths:
        with fs.open(path, "rb") as file:
            rows += pq.ParquetFile(file).metadata.num_rows
    first = next(_read_with_pyarrow(uri, ["features"], batch_rows=1))["features"]
    outcomes = _column_names(uri)[len(training_set_columns([])) :]
    return TrainingSetShape(rows, first.shape[1], first.shape[2], outcomes)


def training_set_files(uri: str) -> dict[str, int]:
    """Name and size of each Parquet file of a set, in the order of `row_number`; another writing has other names."""
    fs, paths = _files(uri)
    return {path.rsplit("/", 1)[-1]: int(fs.size(path)) for path in paths}


def training_set_ddl(outcomes: Sequence[str]) -> str:
    """Spark schema of the stored rows, e.g. for `mapInArrow`."""
    kinds = {**dict.fromkeys(_TEXTS, "string"), **dict.fromkeys(_ARRAYS, "binary"), "row_number": "bigint"}
    kinds |= {"fold": "int", **dict.fromkeys(outcomes, "tinyint")}
    return ", ".join(f"{name} {kinds[name]}" for name in training_set_columns(outcomes))


def write_training_set(frame: DataFrame, uri: str, shape: TrainingSetShape) -> None:
    """Write rows of `training_set_ddl` to `uri`, in the frame's partitions and order, with Petastorm's metadata.

    The metadata holds no absolute path: the folder may be moved.
    """
    stored = frame.select(*training_set_columns(shape.outcomes))
    with _petastorm_metadata(frame, uri, shape):
        block = ROW_GROUP_MB * 2**20
        stored.write.mode("overwrite").option("parquet.block.size", block).parquet(storage.spark_uri(uri))


def encode_arrays(values: npt.NDArray[Any]) -> pa.Array:
    """`values` [n, ...] as n binary values, each the `.npy` bytes of values[i]."""
    import pyarrow as pa

    first = io.BytesIO()
    np.save(first, np.zeros(values.shape[1:], values.dtype))
    head = np.frombuffer(first.getvalue(), np.uint8)[: -values[:1].nbytes]
    content = np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8)
    rows = np.empty((len(values), head.size + content.shape[1]), np.uint8)
    rows[:, : head.size] = head
    rows[:, head.size :] = content
    offsets = np.arange(len(values) + 1, dtype=np.int32) * rows.shape[1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(rows)]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


def decode_arrays(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """The arrays [n, ...] in a column of `.npy` bytes, all of one shape and dtype.

    Raises:
        ValueError: a null, or rows of different shapes.
    """
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        return np.concatenate([decode_arrays(chunk) for chunk in column.chunks])
    if not len(column):
        return np.empty(0)
    column = column.cast(pa.binary())
    _, offsets_buffer, content = column.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    sizes = np.diff(offsets)
    if column.null_count or (sizes != sizes[0]).any():
        raise ValueError("a column of arrays holds nulls or arrays of different sizes")
    rows = np.frombuffer(content, np.uint8)[offsets[0] : offsets[-1]].reshape(len(column), -1)
    first = np.load(io.BytesIO(rows[0].tobytes()), allow_pickle=False)
    start = rows.shape[1] - first.nbytes
    if (rows[:, :start] != rows[0, :start]).any():
        raise ValueError("a column of arrays holds arrays of different shapes")
    values: npt.NDArray[Any] = (
        np.ascontiguousarray(rows[:, start:]).view(first.dtype).reshape(len(column), *first.shape)
    )
    return values


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


def _read_with_pyarrow(uri: str, columns: Sequence[str], *, batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    fs, paths = _files(uri)
    for path in paths:
        with fs.open(path, "rb") as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_rows, columns=list(columns)):
                yield {name: _from_arrow(name, batch.column(name)) for name in columns}


def _from_arrow(name: str, column: pa.Array) -> npt.NDArray[Any]:
    if name in _ARRAYS:
        return decode_arrays(column)
    return _from_list(name, column.to_pylist())


def _from_list(name: str, values: list[Any]) -> npt.NDArray[Any]:
    if name in _TEXTS:
        return np.array([None if value is None else str(value) for value in values], dtype=object)
    return np.array([0 if value is None else value for value in values], dtype=_NUMBERS.get(name, np.int8))


def _read_with_petastorm(url: str, columns: Sequence[str]) -> Iterator[Batch]:
    with _quiet():
        from petastorm import make_reader

        # The dummy pool reads in this thread: that keeps the order, and warnings can be silenced where they arise.
        fields = [f"{re.escape(name)}$" for name in columns]
        reader = make_reader(url, schema_fields=fields, reader_pool_type="dummy", shuffle_row_groups=False)
    try:
        while True:
            with _quiet():
                rows = list(islice(reader, BATCH_ROWS))
            if not rows:
                return
            yield {name: _from_rows(name, rows) for name in columns}
    finally:
        reader.stop()
        reader.join()


def _from_rows(name: str, rows: list[Any]) -> npt.NDArray[Any]:
    values = [getattr(row, name) for row in rows]
    return np.stack(values) if name in _ARRAYS else _from_list(name, values)


@functools.cache
def _petastorm_is_there() -> bool:
    try:
        with _quiet():
            import petastorm  # noqa: F401
    except ImportError as error:
        logger.info("Petastorm cannot be imported (%s): the training set is used through pyarrow alone", error)
        return False
    return True


def _petastorm_url(uri: str) -> str | None:
    """`uri` as Petastorm wants it: with a scheme, not quoted; None where it would read another name out of it."""
    url = storage.spark_uri(uri)
    _, path = url.split("://", 1)
    try:
        parsed = urlparse(url)
    except ValueError:  # brackets where a host is expected
        return None
    return url if f"{parsed.netloc}{parsed.path}" == path else None


@contextlib.contextmanager
def _petastorm_metadata(frame: DataFrame, uri: str, shape: TrainingSetShape) -> Iterator[None]:
    """Petastorm's metadata beside what is written to `uri` inside this context."""
    url = _petastorm_url(uri)
    spark = frame.sparkSession
    if url is None or not hasattr(spark, "_jsparkSession") or not _petastorm_is_there():
        logger.info("%s: written without Petastorm's metadata; every stage reads it nevertheless", uri)
        yield
        return
    with _quiet():
        from petastorm.etl.dataset_metadata import materialize_dataset

        factory = _local_files if storage.is_local(uri) else None
        with materialize_dataset(spark, url, _unischema(shape), ROW_GROUP_MB, filesystem_factory=factory):
            yield


def _local_files() -> Any:
    """Petastorm's own file system; made here, so that its deprecation is not told by every Spark worker."""
    with _quiet():
        import pyarrow

        return pyarrow.localfs


def _unischema(shape: TrainingSetShape) -> Any:
    from petastorm.codecs import NdarrayCodec
    from petastorm.unischema import Unischema, UnischemaField

    arrays = {
        "features": UnischemaField("features", np.float32, (shape.views, shape.feature_size), NdarrayCodec(), False),
        "view_mask": UnischemaField("view_mask", np.bool_, (shape.views,), NdarrayCodec(), False),
    }
    scalars = {**dict.fromkeys(_TEXTS, np.str_), **_NUMBERS, **dict.fromkeys(shape.outcomes, np.int8)}
    never_null = {"location_id", "region", "area_id", *_NUMBERS}
    fields = [
        arrays.get(name) or UnischemaField(name, scalars[name], (), None, name not in never_null)
        for name in training_set_columns(shape.outcomes)
    ]
    return Unischema("training_set", fields)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Petastorm uses what pyarrow deprecates, leaves files to the collector, and prints when it closes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        yield
