"""A Delta table as a source of photographs: the Parquet files of its current version, and its partition columns."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from streetdeciles import storage
from streetdeciles.errors import RunRefused, reason

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

READABLE_FEATURES = {"timestampNtz", "vacuumProtocolCheck", "v2Checkpoint"}
"""Features of a Delta table with which its rows and columns are still those of its Parquet files."""

MISREAD = re.compile(r"\\|%[0-9A-Fa-f]{2}|[\x00-\x1f\x7f]")
"""Characters that deltalake misreads in the name of a folder."""

FILES = "uri string, partition map<string,string>"
"""Schema of a list of data files: each with its `Partition`."""

Partition = Mapping[str, str | None]
"""Column -> value for the columns that the table is partitioned by, which are not in its files."""

DataFile = tuple[str, Partition]


def is_delta(path: str) -> bool:
    return storage.exists(storage.join(path, "_delta_log"))


def delta_files(spark: SparkSession, path: str) -> list[DataFile]:
    """The files of the table's current version.

    Raises:
        RunRefused: no reader of Delta tables is installed, or the files alone are not the table: it lists deleted rows
            separately, or maps its columns to other names.
    """
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ImportError:
        return _through_spark(spark, path)
    import pyarrow as pa

    _refuse_misread_name(path)
    try:
        table = DeltaTable(storage.local_path(path) if storage.is_local(path) else path)
    except DeltaError as error:
        raise RunRefused(f"images.table.path: {path} cannot be read as a Delta table ({reason(error)})") from error
    configuration = table.metadata().configuration
    mapping = configuration.get("delta.columnMapping.mode", "none")
    _refuse_unreadable(path, table.protocol().reader_features or [], mapping)
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [(_absolute(path, action["path"]), _partition(action)) for action in actions]


def _refuse_misread_name(path: str) -> None:
    """deltalake would open another folder (`per cent` for `per%20cent`), or none."""
    if storage.is_local(path) and (match := MISREAD.search(os.path.realpath(storage.local_path(path)))):
        raise RunRefused(
            f"images.table.path: the Delta table {path!r} cannot be read, since the Delta reader misreads {match[0]!r} "
            "in the name of a folder; rename the folder"
        )


def _absolute(table: str, quoted: str) -> str:
    path = unquote(quoted)
    return path if storage.is_uri(path) or path.startswith("/") else storage.join(table, path)


def _partition(action: dict[str, Any]) -> Partition:
    start = "partition."
    return {
        name.removeprefix(start): None if value is None else str(value)
        for name, value in action.items()
        if name.startswith(start)
    }


def _through_spark(spark: SparkSession, path: str) -> list[DataFile]:
    """The files as listed by a Spark that reads Delta itself, as on Databricks."""
    try:
        uris = spark.read.format("delta").load(path).inputFiles()
    except Exception as error:
        raise RunRefused(
            f"images.table.path: {path} is a Delta table, which this Spark cannot read: pip install "
            "'streetdeciles[delta]'"
        ) from error
    quoted = path.replace("`", "``")
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{quoted}`").collect()[0].asDict()
    mapping = (detail.get("properties") or {}).get("delta.columnMapping.mode", "none")
    # This list mixes readers' and writers' features, so only those that are known to be unreadable are refused.
    _refuse_unreadable(path, [name for name in detail.get("tableFeatures") or [] if name == "deletionVectors"], mapping)
    return [(_mounted(unquote(uri)), {}) for uri in uris]


def _mounted(uri: str) -> str:
    """Spark's URI as a path that every process of the machine can open, if there is one."""
    for start, mount in (("dbfs:/Volumes/", "/Volumes/"), ("dbfs:/", "/dbfs/"), ("file:///", "/"), ("file:/", "/")):
        if uri.startswith(start):
            return mount + uri.removeprefix(start)
    return uri


def _refuse_unreadable(path: str, features: list[str], column_mapping: str) -> None:
    """RunRefused if the table has features with which its Parquet files alone are not its rows and columns."""
    unknown = sorted({*features} - READABLE_FEATURES)
    if column_mapping != "none":
        unknown.append("columnMapping")
    if unknown:
        raise RunRefused(
            f"images.table.path: the Delta table {path} uses {', '.join(unknown)}, which is not read here; "
            "write a copy without it, or as Parquet"
        )
