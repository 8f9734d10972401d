"""The Parquet files of a table of photographs, and the columns that their folders' names hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from streetdeciles import storage
from streetdeciles.archives.names import PARQUET
from streetdeciles.errors import RunFailed, RunRefused, reason
from streetdeciles.images.delta import FILES, DataFile, Partition, delta_files, is_delta
from streetdeciles.listing import list_all

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

NOT_HIDDEN = "(?i)^([^/._][^/]*/|[_.][^/]*=[^/]*/)*[^/._][^/]*[.]parquet(?s:(?!.))"
"""Excludes files and folders whose name begins with a dot or underscore, like Spark's `_temporary`; but `_year=2019` is
a column."""

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def table_files(spark: SparkSession, path: str, staged: str) -> DataFrame:
    """Columns of `delta.FILES`: the table's files, with the columns that are not in them."""
    fs, fs_path = storage.filesystem(path)
    if not fs.isdir(fs_path):
        files: list[DataFile] = [(path, {})] if PARQUET.fullmatch(path) else []
        return spark.createDataFrame(files, FILES)
    if is_delta(path):
        return spark.createDataFrame(delta_files(spark, path), FILES)
    entries = list_all(spark, path, storage.join(staged, "files"))
    parquet = entries.where(f"kind = 'file' AND relative RLIKE '{NOT_HIDDEN}'").select("uri", "relative")
    return parquet.mapInArrow(_with_partitions, FILES)


def hive_partition(relative: str) -> Partition:
    """The columns in the names of a file's folders.

    >>> hive_partition("region=a%2Fb/part.parquet")
    {'region': 'a/b'}
    """
    pairs = (folder.split("=", 1) for folder in relative.split("/")[:-1] if "=" in folder)
    return {unquote(name): None if value == HIVE_NULL else unquote(value) for name, value in pairs}


def files_in(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, Partition]]:
    """URI and partition of each row of `delta.FILES`."""
    for batch in batches:
        for uri, pairs in zip(batch.column("uri").to_pylist(), batch.column("partition").to_pylist(), strict=True):
            yield uri, dict(pairs or ())


@contextmanager
def reading(uri: str) -> Iterator[None]:
    """Turn errors while the file is read into RunFailed with its name."""
    try:
        yield
    except (RunRefused, GeneratorExit):
        raise
    except Exception as error:  # Arrow, and each file system, raise their own kinds
        why = reason(error)
        if "lists to be of size" in why:  # Arrow up to 14 writes such lists with nulls, but cannot read them
            raise RunRefused(
                f"{uri}: a fixed-size list of images.table.keep has rows without a value, which this pyarrow cannot "
                "read; write it as a list, or leave it out"
            ) from error
        raise RunFailed(f"{uri}: cannot be read as Parquet ({why}); fix or remove the file") from error


def _with_partitions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    kind = pa.map_(pa.string(), pa.string())
    for batch in batches:
        partitions = [[*hive_partition(relative).items()] for relative in batch.column("relative").to_pylist()]
        yield pa.RecordBatch.from_arrays([batch.column("uri"), pa.array(partitions, kind)], ["uri", "partition"])
