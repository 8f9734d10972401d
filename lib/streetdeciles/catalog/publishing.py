"""The tables of results in a catalog: each replaced as a whole when a run has finished, after its Parquet files.

A table in the schema that no run has written is never replaced. The work_dir records which version of each table is in
the catalog, so a run that was killed in between publishes the rest next time, and one that changed nothing publishes
nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.catalog_names import name_parts, quoted, quoted_name
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed, RunRefused, reason
from streetdeciles.run_log import read_mark
from streetdeciles.stages import STAGES
from streetdeciles.state_files import read_state
from streetdeciles.table import Table
from streetdeciles.tables import (
    AREA_INTERVALS,
    AREA_LABELS,
    AREA_PREDICTIONS,
    BASELINES,
    BREAKDOWNS,
    CALIBRATION,
    COMPARISONS,
    DECILE_COUNTS,
    FOLD_METRICS,
    LEFT_OUT,
    LOCATIONS,
    METRICS,
    PREDICTIONS,
    REJECTS,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PUBLISHED = (
    *(AREA_LABELS, LOCATIONS, LEFT_OUT, REJECTS, PREDICTIONS, AREA_PREDICTIONS, DECILE_COUNTS, METRICS, FOLD_METRICS),
    *(CALIBRATION, AREA_INTERVALS, BASELINES, COMPARISONS, BREAKDOWNS),
)
"""The tables of results. What stages hand on to each other (photographs, features, training set) is in files only."""

WRITTEN_BY_RUN = "streetdeciles.written_by_run"
"""Property of the tables in the catalog that may be replaced."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """A table whose version in the catalog is not that in the work_dir."""

    table: Table
    name: str
    """Quoted, with its schema."""
    version: str


def pending(config: RunConfig) -> list[Publication]:
    """The tables that have changed since they were published; the catalog is not asked."""
    if config.output.tables is None:
        return []
    schema, state = quoted_name(config.output.tables), _published(config.work_dir)
    tables = [Publication(table, f"{schema}.{quoted(table.name)}", _version(config, table)) for table in PUBLISHED]
    return [new for new in tables if new.version and new.version != state.get(new.name)]


def refuse_unpublishable(spark: SparkSession, config: RunConfig, *, is_own_session: bool) -> None:
    """RunRefused if there is no such schema, or one of the tables there is not a run's."""
    if config.output.tables is None:
        return
    schema = quoted_name(config.output.tables)
    if is_own_session and _forgets_tables(spark, config.output.tables):
        raise RunRefused(
            f"output.tables: {config.output.tables} would be gone at the end of the run, because Spark's own catalog "
            "is in memory here; set spark.conf to a lasting one, e.g. spark.sql.catalogImplementation: hive and a "
            "spark.sql.warehouse.dir"
        )
    try:
        spark.sql(f"DESCRIBE SCHEMA {schema}").collect()
        rows = spark.sql(f"SHOW TABLES IN {schema}").collect()
    except Exception as error:  # each catalog has its own errors
        raise RunRefused(
            f"output.tables: Spark cannot use the schema {config.output.tables} ({reason(error, 200)}); create it with "
            f"CREATE SCHEMA {schema}, correct the name, or have the rights to it granted"
        ) from error
    existing = {row["tableName"].lower() for row in rows if not row["isTemporary"]}
    state = _published(config.work_dir)
    for table in PUBLISHED:
        name = f"{schema}.{quoted(table.name)}"
        if table.name in existing and name not in state and not _was_written_by_run(spark, name):
            raise RunRefused(
                f"output.tables: {name} is there and was not written by streetdeciles, so it is not replaced; choose "
                "another schema, or drop or rename the table"
            )


def publish(spark: SparkSession, config: RunConfig) -> None:
    """Replace the tables whose content has changed; RunFailed names the one that could not be written."""
    for new in pending(config):
        logger.info("output.tables: writing %s", new.name)
        _record(config.work_dir, new.name, "")  # so that a table without the property, after a kill, is this run's
        try:
            frame = storage.read_table(spark, new.table, config.work_dir)
            # Delta takes new columns of a new release only with overwriteSchema; others do so by themselves.
            frame.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(new.name)
            spark.sql(f"ALTER TABLE {new.name} SET TBLPROPERTIES ('{WRITTEN_BY_RUN}' = 'true')")
        except Exception as error:
            raise RunFailed(
                f"output.tables: {new.name} could not be written ({reason(error, 400)}); the run itself is finished, "
                "and the same command tries this again"
            ) from error
        _record(config.work_dir, new.name, new.version)


def _version(config: RunConfig, table: Table) -> str:
    """The generations of the finished stages that have written the table; empty if there is none."""
    writers = [s.name for s in STAGES if any(name.partition("/")[0] == table.name for name in s.writes)]
    marks = [read_mark(config.work_dir, name) for name in writers]
    return " ".join(mark.generation for mark in marks if mark is not None)


def _was_written_by_run(spark: SparkSession, name: str) -> bool:
    """Whether a run has written the table in the catalog, whatever its work_dir was."""
    try:
        return any(row["key"] == WRITTEN_BY_RUN for row in spark.sql(f"SHOW TBLPROPERTIES {name}").collect())
    except Exception:  # a view of another system has none
        return False


def _forgets_tables(spark: SparkSession, schema: str) -> bool:
    parts = name_parts(schema)
    catalog = parts[0] if len(parts) > 1 else spark.catalog.currentCatalog()
    try:
        kind = spark.conf.get("spark.sql.catalogImplementation")  # with a default, that is what Spark would return
    except Exception:  # servers that do not say it have a lasting one
        return False
    return catalog == "spark_catalog" and kind == "in-memory"


def _published(work_dir: str) -> dict[str, str]:
    """The version of each published table, by its quoted name; an empty text while the table is being written."""
    return read_state(_state_uri(work_dir), dict[str, str]) or {}


def _record(work_dir: str, name: str, version: str) -> None:
    storage.write_json(_state_uri(work_dir), {**_published(work_dir), name: version})


def _state_uri(work_dir: str) -> str:
    return storage.join(work_dir, "run_log", "published.json")
