"""A Delta table as a source: the Parquet files of its current version, and the columns that are not in them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from streetdeciles import storage
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

READABLE_FEATURES = {"timestampNtz", "vacuumProtocolCheck", "v2Checkpoint"}
"""What a table may ask of its readers and leave rows and columns as the Parquet files have them."""

MISREAD = re.compile(r"\\|%[0-9A-Fa-f]{2}|[\x00-\x1f\x7f]")

FILES = "uri string, partition map<string,string>"

Partition = Mapping[str, str | None]
"""The values of the columns that the table is partitioned by, which are not in its files."""

DataFile = tuple[str, Partition]


def is_delta(path: str) -> bool:
    return storage.exists(storage.join(path, "_delta_log"))


def delta_files(spark: SparkSession, path: str) -> list[DataFile]:
    """The files of the table's current version.

    Raises:
        RunRefused: there is no reader of Delta tables, or the table needs more than the files themselves say: rows
            that are deleted in a list beside them, or columns of other names.
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
        why = " ".join(str(error).split())
        raise RunRefused(f"images.table.path: {path} cannot be read as a Delta table ({why})") from error
    configuration = table.metadata().configuration
    _check(path, table.protocol().reader_features or [], configuration.get("delta.columnMapping.mode", "none"))
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [(_absolute(path, action["path"]), _partition(action)) for action in actions]


def _refuse_misread_name(path: str) -> None:
    """deltalake would open another folder (`per cent` for `per%20cent`), or none."""
    if storage.is_local(path) and (found := MISREAD.search(os.path.realpath(storage.local_path(path)))):
        raise RunRefused(
            f"images.table.path: the Delta table {path!r} cannot be read, since the Delta reader takes {found[0]!r} in "
            "the name of a folder for something else; rename the folder"
        )


def _absolute(path: str, given: str) -> str:
    there = unquote(given)
    return there if storage.is_uri(there) or there.startswith("/") else storage.join(path, there)


def _partition(action: dict[str, Any]) -> Partition:
    start = "partition."
    return {
        name.removeprefix(start): None if value is None else str(value)
        for name, value in action.items()
        if name.startswith(start)
    }


def _through_spark(spark: SparkSession, path: str) -> list[DataFile]:
    """Where Spark itself reads Delta, as on Databricks."""
    try:
        found = spark.read.format("delta").load(path).inputFiles()
    except Exception as error:
        raise RunRefused(
            f"images.table.path: {path} is a Delta table, and this Spark reads none: pip install 'streetdeciles[delta]'"
        ) from error
    quoted = path.replace("`", "``")
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{quoted}`").collect()[0].asDict()
    mapping = (detail.get("properties") or {}).get("delta.columnMapping.mode", "none")
    # Here readers' and writers' features are in one list, so only those that are known to be unreadable are named.
    _check(path, [name for name in detail.get("tableFeatures") or [] if name == "deletionVectors"], mapping)
    return [(_mounted(unquote(uri)), {}) for uri in found]


def _mounted(uri: str) -> str:
    """Spark's URI as a path that every process of the machine can open, where there is one."""
    for start, there in (("dbfs:/Volumes/", "/Volumes/"), ("dbfs:/", "/dbfs/"), ("file:///", "/"), ("file:/", "/")):
        if uri.startswith(start):
            return there + uri.removeprefix(start)
    return uri


def _check(path: str, features: list[str], column_mapping: str) -> None:
    unknown = sorted({*features} - READABLE_FEATURES)
    if column_mapping != "none":
        unknown.append("columnMapping")
    if unknown:
        raise RunRefused(
            f"images.table.path: the Delta table {path} uses {', '.join(unknown)}, which is not read here; "
            "write a copy without it, or as Parquet"
        )
