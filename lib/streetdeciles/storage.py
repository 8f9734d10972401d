"""Files and tables below a URI (local, or any that fsspec knows), each written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from streetdeciles.errors import RunFailed
from streetdeciles.tables import Table

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from pyspark.sql import DataFrame, SparkSession


UNFINISHED = ".unfinished"
"""How the name of a file ends while it is written."""


def filesystem(uri: str) -> tuple[AbstractFileSystem, str]:
    """The fsspec file system of `uri` and the path in it."""
    from fsspec.core import url_to_fs

    fs, path = url_to_fs(uri)
    return fs, str(path)


def is_local(uri: str) -> bool:
    return "://" not in uri or uri.startswith("file://")


def join(uri: str, *parts: str) -> str:
    return "/".join([uri.rstrip("/"), *parts])


def spark_uri(uri: str) -> str:
    """`uri` as Spark must be given it: a bare path would be read on the cluster's default file system.

    Not quoted, as `Path.as_uri` would: Hadoop takes `%20` in a path for a name with a per cent sign.
    """
    return uri if "://" in uri or ":/" in uri else f"file://{Path(uri).absolute()}"


def exists(uri: str) -> bool:
    fs, path = filesystem(uri)
    return bool(fs.exists(path))


def remove(uri: str) -> None:
    """Remove the file or folder; nothing happens where there is none. The current folder may be in it."""
    fs, path = filesystem(uri)
    if is_local(uri):  # fsspec refuses to remove the current folder
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)
    elif fs.exists(path):
        fs.rm(path, recursive=True)


def write_bytes(uri: str, content: bytes) -> None:
    """Write a file whole, under another name first and then renamed; on a disk it survives a power failure."""
    fs, path = filesystem(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    unfinished = f"{path}.{uuid4().hex}{UNFINISHED}"
    try:
        with fs.open(unfinished, "wb") as file:
            file.write(content)
        sync(unfinished)
        fs.mv(unfinished, path)
    except BaseException:
        with suppress(OSError):
            remove(unfinished)
        raise
    _sync_folder(uri)


def sync(uri: str) -> None:
    """Wait until the file, or all files of the folder, are on the disk; object stores do that when they are written."""
    if not is_local(uri):
        return
    path = Path(filesystem(uri)[1])
    for file in path.rglob("*") if path.is_dir() else [path]:
        _sync(file)
    if path.is_dir():
        _sync(path)


def _sync_folder(uri: str) -> None:
    """Make a new name in the folder of `uri` permanent."""
    if is_local(uri):
        _sync(Path(filesystem(uri)[1]).parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # not every file system syncs folders
            raise
    finally:
        os.close(descriptor)


def read_bytes(uri: str) -> bytes:
    fs, path = filesystem(uri)
    with fs.open(path, "rb") as file:
        content: bytes = file.read()
    return content


def write_text(uri: str, text: str) -> None:
    write_bytes(uri, text.encode("utf-8"))


def read_text(uri: str) -> str:
    return read_bytes(uri).decode("utf-8")


def write_json(uri: str, value: Any) -> None:
    write_text(uri, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(uri: str) -> Any:
    return json.loads(read_text(uri))


def staging_uri(work_dir: str, name: str) -> str:
    """Where a table is made before `replace` puts it into place; no reader looks there."""
    return join(work_dir, "_staging", f"{name}-{uuid4().hex}")


def replace(staged: str, uri: str) -> None:
    """Put the finished folder or file at `staged` where `uri` is; on a disk it is there for good then."""
    fs, path = filesystem(uri)
    sync(staged)
    remove(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    fs.mv(filesystem(staged)[1], path, recursive=True)
    _sync_folder(uri)


def write_table(frame: DataFrame, table: Table, work_dir: str) -> int:
    """Write the whole table to `<work_dir>/<name>` and return its rows.

    The key is checked on what was written, before it takes the place of the old table.
    """
    staged = staging_uri(work_dir, table.name)
    writer = table.conform(frame).write.mode("overwrite")
    if table.partitioned_by:
        writer = writer.partitionBy(*table.partitioned_by)
    try:
        writer.parquet(spark_uri(staged))
        rows = table.check_key(frame.sparkSession.read.schema(table.ddl).parquet(spark_uri(staged)))
        replace(staged, join(work_dir, table.name))
    finally:
        remove(staged)
    return rows


def write_partition(frame: DataFrame, table: Table, work_dir: str, value: str) -> int:
    """Write one value's part of a table that is partitioned by one column; the other parts stay."""
    (column,) = table.partitioned_by
    staged = staging_uri(work_dir, table.name)
    try:
        table.conform(frame).drop(column).write.mode("overwrite").parquet(spark_uri(staged))
        part = frame.sparkSession.read.parquet(spark_uri(staged))
        rows = table.check_key(part.selectExpr("*", f"'{value}' AS {column}"))
        replace(staged, join(work_dir, table.name, f"{column}={value}"))
    finally:
        remove(staged)
    return rows


def read_table(spark: SparkSession, table: Table, work_dir: str) -> DataFrame:
    """The finished table; RunFailed where the stage that writes it has not run."""
    uri = join(work_dir, table.name)
    if not exists(uri):
        raise RunFailed(f"{uri}: no such table; run the stages before this one first (`streetdeciles run`)")
    return spark.read.schema(table.ddl).parquet(spark_uri(uri))
