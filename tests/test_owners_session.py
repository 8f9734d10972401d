"""Stages in a session whose owner has settings of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from small_run import SmallRun
from streetdeciles.session_settings import spark_settings

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
