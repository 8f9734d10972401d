"""Settings of a Spark session: read, and set for some queries, as far as the session allows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streetdeciles.errors import reason
from streetdeciles.shown import without_secrets

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

ALL_TIMES = {
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
}
"""For writing users' dates and time stamps as Parquet. By default Spark writes time stamps as INT96, which pandas reads
as nanoseconds from 1677 to 2262 only, and refuses time stamps before 1900 and dates before 1582."""

AS_WRITTEN = {
    "spark.sql.groupByAliases": "true",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.orderByOrdinal": "true",
    "spark.sql.crossJoin.enabled": "true",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.parser.quotedRegexColumnNames": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enforceReservedKeywords": "false",
}
"""How Spark reads a query, by default: the queries of this package are written for that."""

AT_THE_START = ("spark.driver.", "spark.jars", "spark.submit.")
"""The options of the driver's JVM, and what is fetched for it, perhaps with a password."""


@contextmanager
def spark_settings(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Spark SQL settings within this context; afterwards they have their former values, or are unset."""
    before: dict[str, str | None] = {}
    for key, value in values.items():
        old = setting(spark, key)
        if try_setting(spark, key, value):
            before[key] = old
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)


@contextmanager
def queries_as_written(spark: SparkSession) -> Iterator[None]:
    """Read queries as they are meant, where the session's owner has chosen another way for their own."""
    others = {key: value for key, value in AS_WRITTEN.items() if setting(spark, key) not in (None, value)}
    with spark_settings(spark, others):
        yield


def setting(spark: SparkSession, key: str) -> str | None:
    """A setting of Spark's; None if it is not set, or if this session does not say."""
    from pyspark.errors import PySparkException

    try:
        return spark.conf.get(key, None)
    except PySparkException:
        return None


def try_setting(spark: SparkSession, key: str, value: str) -> bool:
    """Set it if the session may, and return whether it did: serverless clusters refuse most settings."""
    from pyspark.errors import PySparkException

    try:
        spark.conf.set(key, value)
    except PySparkException as error:
        logger.info("Spark does not let a session set %s here (%s)", key, reason(error, 200))
        return False
    return True


def settings_to_start_with(settings: Mapping[str, str]) -> dict[str, str]:
    """Without secrets: a JVM gets them on its command line, which other users see. The session gets all by itself.

    What only counts when the JVM starts is there whatever it holds.
    """
    public = without_secrets(dict(settings))
    return {key: value for key, value in settings.items() if value == public[key] or key.startswith(AT_THE_START)}
