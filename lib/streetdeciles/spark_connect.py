"""Spark Connect: a session on a server, without a JVM, a SparkContext or RDDs in this process."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DEFAULT_PORT = 15002
WITHIN_S = 10.0


def is_connect(spark: SparkSession) -> bool:
    """Whether the session is one of Spark Connect, as on Databricks' shared and serverless clusters."""
    return getattr(spark, "_jvm", None) is None


def connect_url(conf: Mapping[str, str]) -> str | None:
    """The server that a new session is to be on, e.g. sc://host:15002: SPARK_REMOTE or the setting spark.remote."""
    return os.environ.get("SPARK_REMOTE") or conf.get("spark.remote")


def check_reachable(url: str) -> None:
    """OSError or ValueError if no server answers there, or `url` is not one: Spark itself tries for ten minutes."""
    server = urlsplit(url)
    if server.scheme != "sc" or not server.hostname:
        raise ValueError("it is not like sc://host:15002")
    socket.create_connection((server.hostname, server.port or DEFAULT_PORT), WITHIN_S).close()
