"""How many tasks compute at a time, and with how many cores each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.hardware import usable_cores

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES_A_LOCAL_TASK = 8
"""One model of 0.5 GB and more a task: on one machine few tasks with many threads each, which is as fast."""


@dataclass(frozen=True)
class Parallelism:
    tasks: int
    threads: int
    local: bool
    """Whether the executors are this process's machine."""


def parallelism(spark: SparkSession) -> Parallelism:
    """On a local master the tasks share the cores; on a cluster each task slot computes on its `spark.task.cpus`."""
    master = spark.conf.get("spark.master", None) or ""
    cores = local_cores(master)
    if cores is not None:
        tasks = max(1, cores // CORES_A_LOCAL_TASK)
        return Parallelism(tasks, cores // tasks, local=True)
    threads = int(spark.conf.get("spark.task.cpus", None) or 1)
    return Parallelism(max(1, _cluster_cores(spark) // threads), threads, local=False)


def local_cores(master: str) -> int | None:
    """Cores of a local master such as `local[2]` or `local[*]`; None of any other."""
    match = re.fullmatch(r"local(?:\[(\*|\d+)(?:,\s*\d+)?\])?", master)
    if match is None:
        return None
    if match.group(1) == "*":
        return usable_cores()
    return int(match.group(1) or 1)


def _cluster_cores(spark: SparkSession) -> int:
    """Cores of the executors that are there now, which is what Spark splits a range into."""
    return spark.range(1_000_000).selectExpr("spark_partition_id() AS part").distinct().count()


def gpu_share(spark: SparkSession) -> float:
    """The part of a GPU that each task gets: `spark.task.resource.gpu.amount`, where that is a fraction."""
    amount = float(spark.conf.get("spark.task.resource.gpu.amount", None) or 1)
    return min(1.0, amount)
