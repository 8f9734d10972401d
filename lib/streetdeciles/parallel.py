"""How many tasks compute at a time, and with how many cores each."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.hardware import usable_cores
from streetdeciles.session_settings import setting
from streetdeciles.spark_connect import is_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES_PER_LOCAL_TASK = 8
"""Each task holds a model of 0.5 GB or more: on one machine a few tasks with many threads each are as fast."""

_DATABRICKS = "spark.databricks.clusterUsageTags."
_CLUSTER_SETTINGS = (
    "spark.task.cpus",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.task.resource.gpu.amount",
    "spark.executor.resource.gpu.amount",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.maxExecutors",
    f"{_DATABRICKS}clusterScalingType",
    f"{_DATABRICKS}clusterMaxWorkers",
)


@dataclass(frozen=True)
class Parallelism:
    """How many tasks compute at a time, and with how many threads."""

    tasks: int
    threads: int
    """Threads of each task."""
    local: bool
    """Whether the executors are this process's machine."""


def parallelism(spark: SparkSession) -> Parallelism:
    """Tasks and threads for a model in each task: a few tasks share a local master's cores; a cluster fills its slots,
    each with `spark.task.cpus` threads."""
    cores = local_cores(setting(spark, "spark.master") or "")
    if cores is not None:
        tasks = max(1, cores // CORES_PER_LOCAL_TASK)
        return Parallelism(tasks, cores // tasks, local=True)
    threads = int(setting(spark, "spark.task.cpus") or 1)
    return Parallelism(task_slots(spark), threads, local=False)


def task_slots(spark: SparkSession) -> int:
    """The number of tasks that Spark runs side by side, or will once a growing cluster has its executors."""
    cores = local_cores(setting(spark, "spark.master") or "")
    if cores is not None:
        return cores
    conf = {name: value for name in _CLUSTER_SETTINGS if (value := setting(spark, name))}
    slots = _slots_now(spark)
    return cluster_tasks(cores_now(spark) if slots is None else 0, conf, slots_now=slots)


def cluster_tasks(cores_now: int, conf: Mapping[str, str], *, slots_now: int | None = None) -> int:
    """The number of tasks to give a cluster at a time.

    One that has just started may not have all of its executors yet. One that grows (dynamic allocation, Databricks'
    autoscaling) has few, or none, before there is work, and grows only where more tasks wait than it has slots: so it
    gets twice as many as it has.

    Args:
        cores_now: cores of the executors that have started.
        conf: Spark's settings by name; those that are not set are absent.
        slots_now: tasks that these executors can run at a time; None where Spark does not say, so that they follow
            from `cores_now`.
    """
    cores_per_executor = int(conf.get("spark.executor.cores", 0))
    per_executor = _slots_per_executor(conf, cores_per_executor)
    if slots_now is None:
        slots_now = cores_now // int(conf.get("spark.task.cpus", 1))
        if per_executor and "spark.task.resource.gpu.amount" in conf:
            slots_now = per_executor * (cores_now // cores_per_executor)
    slots_now = max(1, slots_now)
    max_executors = _max_executors(conf)
    if max_executors is None:
        return max(slots_now, per_executor * int(conf.get("spark.executor.instances", 0)))
    doubled = 2 * max(slots_now, per_executor)
    return max(slots_now, min(doubled, per_executor * max_executors)) if per_executor else doubled


def _slots_per_executor(conf: Mapping[str, str], cores: int) -> int:
    """Tasks of an executor at a time; 0 if its cores are not set: a standalone worker then gives it all of its own."""
    if not cores:
        return 0
    slots = cores // int(conf.get("spark.task.cpus", 1))
    if gpus_per_task := float(conf.get("spark.task.resource.gpu.amount", 0)):
        slots = min(slots, int(float(conf.get("spark.executor.resource.gpu.amount", 1)) / gpus_per_task))
    return max(1, slots)


def _max_executors(conf: Mapping[str, str]) -> int | None:
    """The number of executors that the cluster may grow to; None if it does not grow."""
    if conf.get("spark.dynamicAllocation.enabled", "").strip().lower() == "true":
        return int(conf.get("spark.dynamicAllocation.maxExecutors", sys.maxsize))
    if conf.get(f"{_DATABRICKS}clusterScalingType") == "autoscaling":
        return int(conf.get(f"{_DATABRICKS}clusterMaxWorkers", sys.maxsize))
    return None


def local_cores(master: str) -> int | None:
    """Cores of a local master such as `local[2]` or `local[*]`; None for any other master."""
    match = re.fullmatch(r"local(?:\[(\*|\d+)(?:,\s*\d+)?\])?", master)
    if match is None:
        return None
    if match.group(1) == "*":
        return usable_cores()
    return int(match.group(1) or 1)


def _slots_now(spark: SparkSession) -> int | None:
    """Tasks that the present executors can run at a time, by cores and GPUs; None where Spark does not say."""
    from py4j.protocol import Py4JError

    if is_connect(spark) or gpu_share(spark) < 1:  # Spark 3.5 counts tasks that share a GPU twice
        return None
    scheduler: Any = spark._jsparkSession.sparkContext()
    try:
        return int(scheduler.maxNumConcurrentTasks(scheduler.resourceProfileManager().defaultResourceProfile()))
    except Py4JError:  # not a part of Spark's public interface
        return None


def cores_now(spark: SparkSession) -> int:
    """Cores of the executors that have started: the number of parts into which Spark splits a range.

    Where `spark.default.parallelism` is set, it is that number instead.
    """
    return spark.range(1_000_000).selectExpr("spark_partition_id() AS part").distinct().count()


def gpu_share(spark: SparkSession) -> float:
    """The part of a GPU that each task gets, 1.0 or `spark.task.resource.gpu.amount`, where that is a fraction."""
    amount = float(setting(spark, "spark.task.resource.gpu.amount") or 1)
    return min(1.0, amount)


def cores_of_gpu_task(spark: SparkSession) -> int:
    """The cores of a task, `spark.task.cpus`, where Spark gives each a GPU of its own; 0 elsewhere."""
    amount = float(setting(spark, "spark.task.resource.gpu.amount") or 0)
    return int(setting(spark, "spark.task.cpus") or 1) if amount >= 1 else 0
