"""A session of this machine is for its user alone: no port that others reach, no folder that others read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pyspark
import pytest

from streetdeciles.session_settings import settings_to_start_with

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


@pytest.mark.skipif(pyspark.__version__ >= "4", reason="asks SparkEnv, which Python cannot reach in Spark 4")
def test_temporary_folders_of_a_local_session_are_private(spark: SparkSession) -> None:
    """The session's own, and those of Spark's blocks: each is, or is within, a folder of mode 700."""
    jvm = spark._jvm
    assert jvm is not None
    warehouse = spark.conf.get("spark.sql.warehouse.dir")
    assert warehouse is not None
    blocks = jvm.org.apache.spark.SparkEnv.get().blockManager().diskBlockManager().localDirs()
    for folder in [Path(urlsplit(warehouse).path), *(Path(str(block)) for block in blocks)]:
        modes = [stat.S_IMODE(parent.stat().st_mode) for parent in (folder, *folder.parents)]
        assert 0o700 in modes, folder


def test_jvm_starts_without_secrets_but_for_those_that_it_needs_then() -> None:
    needed = {
        "spark.driver.extraJavaOptions": "-Dproxy.password=x",
        "spark.jars.repositories": "https://me:x@host/maven",
        "spark.sql.shuffle.partitions": "8",
        "spark.hadoop.fs.s3a.endpoint": "https://host:9000",
    }
    later = {"spark.hadoop.fs.s3a.secret.key": "x", "spark.hadoop.proxy": "https://me:x@host", "spark.x": "a;sig=x"}
    assert settings_to_start_with({**later, **needed}) == needed
