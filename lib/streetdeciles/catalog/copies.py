"""Copies of the catalog's tables in the work_dir: what reads files reads them, whatever the catalog stores.

Spark reads the table, so deleted rows, mapped columns, views and the right to read are Spark's matter. Executors could
not open the files of a managed table by themselves. A copy is made again when the table has another version.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.catalog.tables import read_catalog_table, table_version
from streetdeciles.catalog_inputs import COPIES, catalog_inputs
from streetdeciles.catalog_names import quoted
from streetdeciles.config import FilesOrTable, ImageTable, RunConfig
from streetdeciles.errors import RunFailed, RunRefused, one_line_error, reason
from streetdeciles.session_settings import ALL_TIMES, spark_settings
from streetdeciles.stages import DATASET_STAGE, FEATURES_STAGE, IMAGES_STAGE, LABELS_STAGE, REPORT_STAGE
from streetdeciles.state_files import read_state

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

CONTENT = "_content"
"""Column of a copy of photographs: a hash of each, so that those that are as before keep their features."""

READERS = {"labels": (LABELS_STAGE, DATASET_STAGE), "images": (IMAGES_STAGE, FEATURES_STAGE, REPORT_STAGE)}
"""The stages that read the copies of a section's tables; the first of them has the copies made."""

TRIAL_ROWS = 500
"""How many photographs a trial copies."""

logger = logging.getLogger(__name__)


def copy_inputs(spark: SparkSession, config: RunConfig, stages: Collection[str], *, is_trial: bool = False) -> None:
    """Copy each table that one of `stages` reads, unless the copy has its version.

    Args:
        is_trial: the copies are for checks, so a few photographs are enough.

    Raises:
        RunRefused: the catalog does not have the table or a column, or a copy that earlier stages have read is gone.
    """
    for section, (maker, *others) in READERS.items():
        if maker in stages and not is_trial:
            _remove_unnamed(config, section)
        for key, table in catalog_inputs(getattr(config, section)).items():
            if maker in stages or (is_trial and {*others} & {*stages}):
                _copy(spark, key, table, TRIAL_ROWS if is_trial else None)
            elif {*others} & {*stages} and _version_of_copy(table) is None:
                raise RunRefused(
                    f"{key}: the copy of {table.catalog_table} at {table.file} is gone; make it again: "
                    f"streetdeciles run --force --from {maker}"
                )


def _remove_unnamed(config: RunConfig, section: str) -> None:
    """Remove the copies of tables that the config no longer names."""
    folder = storage.join(config.work_dir, *COPIES, section)
    named = {table.file.rpartition("/")[2] for table in catalog_inputs(getattr(config, section)).values()}
    for name in [*storage.names_in(folder)]:
        if name.removesuffix(".json") not in named:
            storage.remove(storage.join(folder, name))


def _version_of_copy(table: FilesOrTable) -> dict[str, str] | None:
    """The version and columns that were copied; None if there is no copy, or only half of one."""
    return read_state(f"{table.file}.json", dict[str, str]) if storage.exists(table.file) else None


def _copy(spark: SparkSession, key: str, table: FilesOrTable, max_rows: int | None) -> None:
    frame = read_catalog_table(spark, key, table)
    columns = _photograph_columns(frame, table) if isinstance(table, ImageTable) else []
    name, state = table.catalog_table or "", f"{table.file}.json"
    # The rows are read after the version, so a copy may be newer than it says, and is then made again; never older.
    try:
        version = {"version": table_version(spark, name), "columns": repr(columns)}
    except Exception as error:  # the catalog has the table, and its files are gone, damaged or not for this user
        raise RunFailed(f"{key}: the rows of {name} cannot be read ({reason(one_line_error(error), 400)})") from error
    if _version_of_copy(table) == version:
        return
    logger.info("%s: copying %s to %s", key, name, table.file)
    storage.remove(state)
    storage.remove(table.file)
    try:
        frame = read_catalog_table(spark, key, table)
        if isinstance(table, ImageTable):
            rows = frame.select(*columns)
            rows = rows if max_rows is None else rows.limit(max_rows)
            with spark_settings(spark, ALL_TIMES):
                rows.write.mode("overwrite").parquet(storage.spark_uri(table.file))
        else:
            _write_csv(frame, table.file)
    except RunRefused:
        raise
    except Exception as error:
        raise RunFailed(f"{key}: {name} cannot be copied ({reason(one_line_error(error), 400)})") from error
    storage.write_json(state, version)


def _photograph_columns(frame: DataFrame, table: ImageTable) -> list[Column]:
    """The columns that the stage images reads; RunRefused if the table lacks one."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType

    keys = [("image", table.image), ("location_id", table.location_id), ("view", table.view)]
    names: list[str] = []
    for key, name in [*keys, *(("keep", name) for name in table.keep)]:
        if name is None:
            continue
        outer = name if name in frame.columns else name.partition(".")[0]
        if outer not in frame.columns:
            raise RunRefused(
                f"images.table.{key}: {table.catalog_table} has no column {name!r}; it has {', '.join(frame.columns)}"
            )
        names += [outer] if outer not in names else []
    columns = [F.col(quoted(name)) for name in names]
    image = F.col(quoted(table.image) if table.image in frame.columns else table.image)
    if isinstance(frame.select(image).schema[0].dataType, BinaryType):
        columns.append(F.hex(F.xxhash64(image)).alias(CONTENT))
    return columns


def _write_csv(frame: DataFrame, folder: str) -> None:
    """Part files, each with its header, that hold every value as it would be printed."""
    from pyspark.sql import functions as F

    texts = [_as_text(F.col(quoted(field.name)), field.dataType.typeName()).alias(field.name) for field in frame.schema]
    writer = frame.select(*texts).write.mode("overwrite").option("header", "true").option("escape", '"')
    writer = writer.option("ignoreLeadingWhiteSpace", "false").option("ignoreTrailingWhiteSpace", "false")
    writer.csv(storage.spark_uri(folder))


def _as_text(column: Column, kind: str) -> Column:
    """Numbers without exponents: `12345678`, where Spark prints 1.2345678E7; those from 1e28 on keep them."""
    from pyspark.sql import functions as F

    if kind not in ("float", "double"):
        return column.cast("string")
    is_whole = (column == F.rint(column)) & (F.abs(column) < 2**53)
    known = F.when(is_whole, column.cast("bigint").cast("string"))
    fits = (F.abs(column) >= 10**7) & (F.abs(column) < 1e28)
    known = known.when(fits, column.cast("decimal(38,9)").cast("string"))
    return F.when(~F.isnan(column), known.otherwise(column.cast("string")))
