"""Stages in a session whose owner has settings of their own: the same results, and the session as it was before."""

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


def test_owners_settings_change_no_result_and_stay(small_run: SmallRun, spark: SparkSession) -> None:
    assert small_run.main("run", "--to", "images") == 0
    expected = {name: small_run.table(name) for name in ("area_labels", "locations", "image_index")}
    with spark_settings(spark, OWNERS):
        before = settings_of(spark), spark.sparkContext.getJobTags(), spark.catalog.currentDatabase()
        assert small_run.main("run", "--to", "images", "--force") == 0
        assert (settings_of(spark), spark.sparkContext.getJobTags(), spark.catalog.currentDatabase()) == before
        assert spark.sparkContext.getLocalProperty("spark.job.description") is None
    for name, frame in expected.items():
        by = [column for column in frame if column not in ("value", "decile")]
        frames = [one.sort_values(by, ignore_index=True) for one in (frame, small_run.table(name))]
        assert frames[0].equals(frames[1]), name
