"""A table in a catalog that the config names: found, and compared by its version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from streetdeciles.borrowed_sessions import session_of_others
from streetdeciles.catalog_inputs import catalog_inputs
from streetdeciles.catalog_names import quoted_name
from streetdeciles.config import FilesOrTable
from streetdeciles.errors import RunRefused, reason

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_catalog_table(spark: SparkSession, key: str, table: FilesOrTable) -> DataFrame:
    """The table's rows; RunRefused if the catalog does not have it, or Spark may not read it."""
    name = table.catalog_table or ""
    try:
        frame = spark.table(quoted_name(name))
        _ = frame.schema
    except Exception as error:  # each catalog has its own errors
        raise RunRefused(
            f"{key}: Spark cannot read the table {name} ({reason(error, 200)}); correct the name, or have the right to "
            "read it granted; for files write path in place of catalog_table"
        ) from error
    return frame


def catalog_signatures(section: object) -> dict[str, str]:
    """The version of each table of the section, by key; none where there is no session to ask.

    Tables that the catalog does not have are left out.
    """
    tables = catalog_inputs(section)
    spark = session_of_others() if tables else None
    if spark is None:
        return {}
    signatures = {}
    for key, table in tables.items():
        try:
            signatures[key] = table_version(spark, table.catalog_table or "")
        except Exception:  # refused with its reason when it is read
            continue
    return signatures


def table_version(spark: SparkSession, name: str) -> str:
    """Text that changes when the table does.

    For a Delta table it is its id and the number of its last commit. For another table, or a view, it is the names of
    the files that Spark would read, which differ each time a file is written, the number of rows, and the columns.
    """
    table = quoted_name(name)
    try:
        commit = spark.sql(f"DESCRIBE HISTORY {table}").orderBy("version", ascending=False).first()
        detail = spark.sql(f"DESCRIBE DETAIL {table}").first()
    except Exception:  # not a Delta table; Spark without Delta does not know these statements
        commit = detail = None
    if commit is not None and detail is not None:
        return f"delta {detail['id']} version {commit['version']}"
    frame = spark.table(table)
    files = "\n".join([frame.schema.simpleString(), *sorted(frame.inputFiles())])
    return f"{frame.count()} rows, files {hashlib.sha256(files.encode()).hexdigest()[:32]}"
