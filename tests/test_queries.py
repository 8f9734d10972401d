"""Queries in `.sql` files."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from streetdeciles.queries import query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LIBRARY = Path(str(files("streetdeciles")))


def test_persisted_frame_stays_persisted_when_a_query_uses_it(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", ""), ("a", ""), ("b", "")], "location_id string, content string").persist()
    try:
        assert query("streetdeciles.labels", "repeated_keys", rows=rows).count() == 1
        assert rows.storageLevel.useMemory
    finally:
        rows.unpersist()


def test_windows_are_divided_into_partitions() -> None:
    """A window without PARTITION BY is one task, whatever its table's size; those over a few buckets may be."""
    undivided: dict[str, int] = {}
    for path in LIBRARY.rglob("*.sql"):
        windows = re.findall(r"\bOVER\s*\(([^()]*)", path.read_text(), flags=re.IGNORECASE)
        if n := sum("PARTITION BY" not in window.upper() for window in windows):
            undivided[path.relative_to(LIBRARY).as_posix()] = n
    assert undivided == {"images/index.sql": 2}
