"""Files and tables below a URI (local, or of any file system in fsspec), each written as a whole or not at all.

Paths reach other libraries only through `filesystem`, `local_path`, `spark_uri` and `read_parquet`, so that no library
interprets the name that a user gave a file (see `uris`).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from streetdeciles.errors import RunFailed
from streetdeciles.table import Table
from streetdeciles.uris import URI_START, filesystem, is_absent, is_local, is_uri, join, local_path, spark_uri

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession
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
    "names_in",
    "read_bytes",
    "read_json",
    "read_parquet",
    "read_table",
    "read_text",
    "remove",
    "replace",
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
    reader = spark.read.option("__globPaths__", "false")
    if schema is not None:
        reader = reader.schema(schema)
    return reader.parquet(*map(spark_uri, uris))


def read_pandas(table: Table, work_dir: str) -> pd.DataFrame:
    """A small table of the work_dir, read in this process without Spark."""
    import pandas as pd

    fs, path = filesystem(join(work_dir, table.name))
    return pd.read_parquet(path, filesystem=fs)


def exists(uri: str) -> bool:
    fs, path = filesystem(uri)
    return bool(fs.exists(path))


def remove(uri: str) -> None:
    """Remove the file or folder, if there is one. The current folder may be in it."""
    fs, path = filesystem(uri)
    if is_local(uri):  # fsspec refuses to remove the current folder
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)
    elif fs.exists(path):
        fs.rm(path, recursive=True)


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

    `private`: on a disk, only its owner may read it.
    """
    fs, path = filesystem(uri)
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
    _sync_folder(uri)


def sync(uri: str) -> None:
    """Wait until the file, or each file in the folder, is on the disk; object stores do so on every write."""
    if not is_local(uri):
        return
    path = Path(local_path(uri))
    for file in path.rglob("*") if path.is_dir() else [path]:
        _sync(file)
    if path.is_dir():
        _sync(path)


def _sync_folder(uri: str) -> None:
    """Make a new name in the folder of `uri` permanent."""
    if is_local(uri):
        _sync(Path(local_path(uri)).parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # some file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)


def read_bytes(uri: str) -> bytes:
    fs, path = filesystem(uri)
    with fs.open(path, "rb") as file:
        content: bytes = file.read()
    return content


def write_text(uri: str, text: str, *, private: bool = False) -> None:
    write_bytes(uri, text.encode("utf-8"), private=private)


def upload(folder: Path, uri: str) -> None:
    """Copy the files in a local folder to `uri`. fsspec's own `put` would expand patterns in their names."""
    fs, target = filesystem(uri)
    for file in folder.rglob("*"):
        if file.is_file():
            path = f"{target}/{file.relative_to(folder).as_posix()}"
            fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            fs.put_file(str(file), path)


def read_text(uri: str) -> str:
    return read_bytes(uri).decode("utf-8")


def write_json(uri: str, value: Any, *, private: bool = False) -> None:
    write_text(uri, json.dumps(value, indent=1, ensure_ascii=False) + "\n", private=private)


def read_json(uri: str) -> Any:
    return json.loads(read_text(uri))


def staging_uri(work_dir: str, name: str) -> str:
    """A new place for a table until it is finished and `replace` moves it; no reader looks there."""
    return join(work_dir, "_staging", f"{name}-{uuid4().hex}")


def replace(staged: str, uri: str) -> None:
    """Move the finished folder or file at `staged` to `uri`; on a disk, it then survives a power failure."""
    fs, path = filesystem(uri)
    sync(staged)
    remove(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    source = filesystem(staged)[1]
    try:
        Path(source).rename(path) if is_local(uri) else fs.mv(source, path, recursive=True)
    except OSError:  # mounted object stores cannot rename folders
        if not is_local(uri) or not Path(source).is_dir():
            raise
        upload(Path(source), uri)
        remove(staged)
    _sync_folder(uri)


def write_table(frame: DataFrame, table: Table, work_dir: str) -> int:
    """Write the whole table to `<work_dir>/<name>` and return its number of rows.

    The key is checked on the written files, before they replace the old table.
    """
    staged = staging_uri(work_dir, table.name)
    writer = table.conform(frame).write.mode("overwrite")
    if table.partitioned_by:
        writer = writer.partitionBy(*table.partitioned_by)
    try:
        writer.parquet(spark_uri(staged))
        rows = table.check_key(read_parquet(frame.sparkSession, staged, schema=table.ddl))
        replace(staged, join(work_dir, table.name))
    finally:
        remove(staged)
    return rows


def write_partition(frame: DataFrame, table: Table, work_dir: str, value: str) -> int:
    """Write the part of one `value` of the column that the table is partitioned by; the other parts stay."""
    (column,) = table.partitioned_by
    staged = staging_uri(work_dir, table.name)
    try:
        table.conform(frame).drop(column).write.mode("overwrite").parquet(spark_uri(staged))
        part = read_parquet(frame.sparkSession, staged)
        rows = table.check_key(part.selectExpr("*", f"'{value}' AS {column}"))
        replace(staged, join(work_dir, table.name, f"{column}={value}"))
    finally:
        remove(staged)
    return rows


def read_table(spark: SparkSession, table: Table, work_dir: str) -> DataFrame:
    """The finished table; RunFailed if the stage that writes it has not run."""
    uri = join(work_dir, table.name)
    if not exists(uri):
        raise RunFailed(f"{uri}: no such table; first run the earlier stages (`streetdeciles run`)")
    return read_parquet(spark, uri, schema=table.ddl)
