"""A session of this machine is for its user alone: no port that others reach, no file that others read or change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_local_session_listens_on_this_machine_only(spark: SparkSession) -> None:
    """Driver, JVM and Python workers, which are there once they have had work."""
    spark.range(0, 4, 1, 2).mapInArrow(lambda batches: batches, "id bigint").collect()
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = {
        connection.laddr.ip
        for process in family
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening
    assert listening <= LOOPBACK
