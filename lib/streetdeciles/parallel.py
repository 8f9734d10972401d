"""How many tasks compute at a time, and with how many cores each."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.hardware import usable_cores
from streetdeciles.session_settings import setting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES_PER_LOCAL_TASK = 8
"""One model of 0.5 GB and more a task: on one machine few tasks with many threads each, which is as fast."""


_CLUSTER_SETTINGS = (
    "spark.task.cpus",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.task.resource.gpu.amount",
    "spark.executor.resource.gpu.amount",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.maxExecutors",
)


@dataclass(frozen=True)
class Parallelism:
    tasks: int
    threads: int
    local: bool
    """Whether the executors are this process's machine."""


def parallelism(spark: SparkSession) -> Parallelism:
    """On a local master the tasks share the cores; on a cluster each task slot computes on its `spark.task.cpus`."""
    cores = local_cores(setting(spark, "spark.master") or "")
    if cores is not None:
        tasks = max(1, cores // CORES_PER_LOCAL_TASK)
        return Parallelism(tasks, cores // tasks, local=True)
    threads = int(setting(spark, "spark.task.cpus") or 1)
    return Parallelism(task_slots(spark), threads, local=False)


def task_slots(spark: SparkSession) -> int:
    """The tasks that Spark runs side by side, or will once a growing cluster has its executors."""
    cores = local_cores(setting(spark, "spark.master") or "")
    if cores is not None:
        return cores
    conf = {name: value for name in _CLUSTER_SETTINGS if (value := setting(spark, name))}
    return cluster_tasks(_cores_now(spark), conf)


def cluster_tasks(cores_now: int, conf: Mapping[str, str]) -> int:
    """The tasks to give a cluster at a time.

    One that has just started may not have all of its executors yet. With dynamic allocation it has few, or none, before
    there is work, and grows only where more tasks wait than it has slots: so it gets twice as many as it has.

    Args:
        cores_now: of the executors that are there.
        conf: settings of Spark, by name; those that are not set are absent.
    """
    cores_per_task = int(conf.get("spark.task.cpus", 1))
    tasks = max(1, cores_now // cores_per_task)
    cores_per_executor = int(conf.get("spark.executor.cores", 0))
    if cores_per_executor == 0:  # a standalone worker gives an executor all its cores
        return tasks
    slots = max(1, cores_per_executor // cores_per_task)
    if gpus_per_task := float(conf.get("spark.task.resource.gpu.amount", 0)):
        slots = max(1, min(slots, int(float(conf.get("spark.executor.resource.gpu.amount", 1)) / gpus_per_task)))
        tasks = max(1, slots * (cores_now // cores_per_executor))
    executors = int(conf.get("spark.executor.instances", 0))
    if conf.get("spark.dynamicAllocation.enabled") == "true":
        most = int(conf.get("spark.dynamicAllocation.maxExecutors", sys.maxsize))
        executors = min(most, 2 * max(1, cores_now // cores_per_executor))
    return max(tasks, slots * executors)


def local_cores(master: str) -> int | None:
    """Cores of a local master such as `local[2]` or `local[*]`; None of any other."""
    match = re.fullmatch(r"local(?:\[(\*|\d+)(?:,\s*\d+)?\])?", master)
    if match is None:
        return None
    if match.group(1) == "*":
        return usable_cores()
    return int(match.group(1) or 1)


def _cores_now(spark: SparkSession) -> int:
    """Cores of the executors that are there now, which is what Spark splits a range into."""
    return spark.range(1_000_000).selectExpr("spark_partition_id() AS part").distinct().count()


def gpu_share(spark: SparkSession) -> float:
    """The part of a GPU that each task gets: `spark.task.resource.gpu.amount`, where that is a fraction."""
    amount = float(setting(spark, "spark.task.resource.gpu.amount") or 1)
    return min(1.0, amount)
