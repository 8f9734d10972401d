"""Queries in `.sql` files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.queries import query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_persisted_frame_stays_persisted_when_a_query_uses_it(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", ""), ("a", ""), ("b", "")], "location_id string, content string").persist()
    try:
        assert query("streetdeciles.labels", "repeated_keys", rows=rows).count() == 1
        assert rows.storageLevel.useMemory
    finally:
        rows.unpersist()
