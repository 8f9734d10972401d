"""Stages in a session whose owner has settings of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from small_run import SmallRun
from streetdeciles import storage
from streetdeciles.session_settings import AS_WRITTEN, spark_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OWNERS = {
    "spark.sql.shuffle.partitions": "7",
    "spark.sql.session.timeZone": "Europe/London",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.sources.partitionOverwriteMode": "static",
    "spark.sql.sources.default": "orc",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.outputTimestampType": "INT96",
    "spark.sql.parquet.writeLegacyFormat": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
    "spark.sql.execution.arrow.pyspark.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.files.ignoreCorruptFiles": "true",
    "spark.sql.variable.substitute": "false",
    **{key: "true" if value == "false" else "false" for key, value in AS_WRITTEN.items()},
}


def settings_of(spark: SparkSession) -> dict[str, str]:
    return {row["key"]: row["value"] for row in spark.sql("SET").collect()}


def test_stages_leave_an_owners_session_as_it_was(small_run: SmallRun, spark: SparkSession) -> None:
    with spark_settings(spark, OWNERS):
        before = settings_of(spark), spark.sparkContext.getJobTags(), spark.catalog.currentDatabase()
        assert small_run.main("run", "--to", "images") == 0
        assert (settings_of(spark), spark.sparkContext.getJobTags(), spark.catalog.currentDatabase()) == before
        assert spark.sparkContext.getLocalProperty("spark.job.description") is None
    assert small_run.table("locations")["area_id"].nunique() == 12  # each of the places is in another area
    assert small_run.table("image_index")["image_id"].nunique() == 24


def test_damaged_file_of_a_table_is_not_skipped(spark: SparkSession, tmp_path: Path) -> None:
    """As it would be in the owner's tables."""
    spark.range(10).write.parquet(str(tmp_path / "table"))
    (tmp_path / "table" / "part-9.parquet").write_bytes(b"PAR1 damaged PAR1")
    with spark_settings(spark, {"spark.sql.files.ignoreCorruptFiles": "true"}):
        assert spark.read.parquet(str(tmp_path / "table")).count() == 10
        with pytest.raises(Exception, match=r"(?i)corrupt|not a parquet"):
            storage.read_parquet(spark, str(tmp_path / "table"), schema="id bigint").count()
