"""Files and tables below a URI (local, or of any file system in fsspec), each written as a whole or not at all.

Paths reach other libraries only through `filesystem`, `local_path`, `spark_uri` and `read_parquet`, so that no library
interprets the name that a user gave a file (see `uris`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from streetdeciles.errors import RunFailed
from streetdeciles.moving import (
    moves_folders,
    new_folder,
    new_table,
    remove,
    renames,
    replace,
    show_table,
    staging_uri,
    sync,
    sync_folder,
    upload,
)
from streetdeciles.table import Table
from streetdeciles.uris import URI_START, filesystem, is_absent, is_local, is_uri, join, local_path, spark_uri

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession
    from pyspark.sql.types import StructType

__all__ = [
    "UNFINISHED",
    "URI_START",
    "exists",
    "filesystem",
    "is_absent",
    "is_local",
    "is_uri",
    "join",
    "local_path",
    "moves_folders",
    "names_in",
    "new_folder",
    "new_table",
    "read_bytes",
    "read_json",
    "read_parquet",
    "read_table",
    "read_text",
    "remove",
    "replace",
    "show_table",
    "spark_uri",
    "staging_uri",
    "sync",
    "upload",
    "write_bytes",
    "write_json",
    "write_partition",
    "write_table",
    "write_text",
]

UNFINISHED = ".unfinished"
"""Suffix of a file's name while it is being written."""


def read_parquet(spark: SparkSession, *uris: str, schema: str | StructType | None = None) -> DataFrame:
    """The rows of all Parquet files at `uris`; Hadoop's patterns are off, so `[1]` is part of a name."""
    reader = _reader(spark)
    if schema is not None:
        reader = reader.schema(schema)
    return reader.parquet(*map(spark_uri, uris))


def _reader(spark: SparkSession) -> DataFrameReader:
    options = {"__globPaths__": "false", "ignoreCorruptFiles": "false", "ignoreMissingFiles": "false"}
    return spark.read.options(**options)  # whatever the session's owner has chosen for their own tables


def _written(spark: SparkSession) -> DataFrameReader:
    """Reads what Spark has written to a table that is not shown yet."""
    return _reader(spark).option("pathGlobFilter", "part-*")


def read_pandas(table: Table, work_dir: str) -> pd.DataFrame:
    """A small table of the work_dir, read in this process without Spark."""
    import pandas as pd

    fs, path = filesystem(join(work_dir, table.name))
    return pd.read_parquet(path, filesystem=fs)


def exists(uri: str) -> bool:
    fs, path = filesystem(uri)
    return bool(fs.exists(path))


def names_in(uri: str, *, prefix: str = "") -> Iterator[str]:
    """The names in the folder that begin with `prefix`; none if there is no such folder."""
    fs, path = filesystem(uri)
    fs.invalidate_cache()  # Spark's writes bypass fsspec
    if not fs.exists(path):
        return
    for entry in fs.ls(path, detail=False):
        name = entry.rstrip("/").rsplit("/", 1)[-1]
        if name.startswith(prefix):
            yield name


def write_bytes(uri: str, content: bytes, *, private: bool = False) -> None:
    """Write a file under another name, then rename it; on a disk it survives a power failure.

    An object in a store appears as a whole by itself.

    `private`: on a disk, only its owner may read it.
    """
    fs, path = filesystem(uri)
    if not renames(uri):
        fs.pipe_file(path, content)
        return
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    unfinished = f"{uri}.{uuid4().hex}{UNFINISHED}"
    unfinished_path = filesystem(unfinished)[1]
    try:
        with fs.open(unfinished_path, "wb") as file:
            if private and is_local(uri):
                Path(unfinished_path).chmod(0o600)
            file.write(content)
        sync(unfinished)
        fs.mv(unfinished_path, path)
    except BaseException:
        with suppress(OSError):
            remove(unfinished)
        raise
    sync_folder(uri)


def read_bytes(uri: str) -> bytes:
    """The whole file, in one request to an object store: between two of them it may be replaced."""
    fs, path = filesystem(uri)
    content: bytes = fs.cat_file(path)
    return content


def write_text(uri: str, text: str, *, private: bool = False) -> None:
    write_bytes(uri, text.encode("utf-8"), private=private)


def read_text(uri: str) -> str:
    return read_bytes(uri).decode("utf-8")


def write_json(uri: str, value: Any, *, private: bool = False) -> None:
    write_text(uri, json.dumps(value, indent=1, ensure_ascii=False) + "\n", private=private)


def read_json(uri: str) -> Any:
    return json.loads(read_text(uri))


def write_table(frame: DataFrame, table: Table, work_dir: str) -> int:
    """Write the whole table to `<work_dir>/<name>` and return its number of rows.

    The key is checked on the written files, before others see them.
    """
    writer = table.conform(frame).write.mode("append")
    if table.partitioned_by:
        writer = writer.partitionBy(*table.partitioned_by)
    with new_table(work_dir, table.name) as uri:
        writer.parquet(spark_uri(uri))
        return table.check_key(_written(frame.sparkSession).schema(table.ddl).parquet(spark_uri(uri)))


def write_partition(frame: DataFrame, table: Table, work_dir: str, value: str) -> int:
    """Write the part of one `value` of the column that the table is partitioned by; the other parts stay."""
    (column,) = table.partitioned_by
    with new_table(work_dir, table.name, f"{column}={value}") as uri:
        table.conform(frame).drop(column).write.mode("append").parquet(spark_uri(uri))
        part = _written(frame.sparkSession).parquet(spark_uri(uri))
        return table.check_key(part.selectExpr("*", f"'{value}' AS {column}"))


def read_table(spark: SparkSession, table: Table, work_dir: str) -> DataFrame:
    """The finished table; RunFailed if the stage that writes it has not run."""
    uri = join(work_dir, table.name)
    if not exists(uri):
        raise RunFailed(f"{uri}: no such table; first run the earlier stages (`streetdeciles run`)")
    return read_parquet(spark, uri, schema=table.ddl)
