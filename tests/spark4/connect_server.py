"""A server of Spark Connect in a process of its own, as a team would share one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

from real_command import Command

SETTINGS = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",  # one that is free
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "3",
}

STARTED = re.compile(r"Spark Connect server started at: \S*?:(\d+)\b")


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """Its URL for SPARK_REMOTE. `folder` gets its log and what Spark writes where it was started."""
    settings = {**SETTINGS, "spark.sql.warehouse.dir": str(folder)}
    command = [
        Path(pyspark.__file__).parent / "bin" / "spark-submit",
        *("--master", "local[2]", "--driver-memory", "1g"),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *(word for key, value in settings.items() for word in ("--conf", f"{key}={value}")),
        "spark-internal",
    ]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with Command(command, folder / "server.log", with_stdout=True, environment=environment) as server:
        server.wait_until(lambda: STARTED.search(server.output) is not None)
        started = STARTED.search(server.output)
        assert started is not None
        yield f"sc://127.0.0.1:{started[1]}"
