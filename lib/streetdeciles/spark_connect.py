"""Spark Connect: a session on a server, without a JVM, a SparkContext or RDDs in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def is_connect(spark: SparkSession) -> bool:
    """Whether the session is one of Spark Connect, as on Databricks' shared and serverless clusters."""
    return getattr(spark, "_jvm", None) is None


def connect_url(conf: Mapping[str, str]) -> str | None:
    """The server that a new session is to be on, e.g. sc://host:15002: SPARK_REMOTE or the setting spark.remote."""
    return os.environ.get("SPARK_REMOTE") or conf.get("spark.remote")
