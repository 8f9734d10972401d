"""How many tasks compute at a time: from the master's cores, or from what a cluster may grow to."""

from __future__ import annotations

import pytest

from streetdeciles.parallel import cluster_tasks, local_cores


@pytest.mark.parametrize(
    ("master", "cores"),
    [("local", 1), ("local[3]", 3), ("local[3,2]", 3), ("spark://host:7077", None), ("yarn", None), ("", None)],
)
def test_cores_of_a_local_master(master: str, cores: int | None) -> None:
    assert local_cores(master) == cores


def test_all_cores_of_this_machine() -> None:
    assert (local_cores("local[*]") or 0) >= 1


GPU = {"spark.executor.resource.gpu.amount": "2", "spark.task.resource.gpu.amount": "1"}
GROWING = {"spark.executor.cores": "8", "spark.dynamicAllocation.enabled": "true"}


@pytest.mark.parametrize(
    ("cores_now", "conf", "tasks"),
    [
        (12, {}, 12),
        (12, {"spark.task.cpus": "4"}, 3),
        (2, {"spark.task.cpus": "4"}, 1),
        (2, {"spark.executor.cores": "4", "spark.executor.instances": "5"}, 20),
        (40, {"spark.executor.cores": "4", "spark.executor.instances": "5"}, 40),
        (2, GROWING, 16),
        (2, {**GROWING, "spark.dynamicAllocation.enabled": "True"}, 16),
        (40, GROWING, 80),
        (40, {**GROWING, "spark.dynamicAllocation.maxExecutors": "7"}, 56),
        (40, {**GROWING, "spark.dynamicAllocation.maxExecutors": "2"}, 40),
        (40, {**GROWING, "spark.task.cpus": "8"}, 10),
        (32, {"spark.executor.cores": "16", **GPU}, 4),
        (32, {"spark.executor.cores": "16", **GPU, "spark.task.resource.gpu.amount": "0.5"}, 8),
        (32, {"spark.executor.cores": "16", **GPU, "spark.task.cpus": "16"}, 2),
    ],
)
def test_tasks_of_a_cluster_are_those_that_let_it_grow(cores_now: int, conf: dict[str, str], tasks: int) -> None:
    assert cluster_tasks(cores_now, conf) == tasks


AUTOSCALING = {
    "spark.databricks.clusterUsageTags.clusterScalingType": "autoscaling",
    "spark.databricks.clusterUsageTags.clusterMaxWorkers": "4",
}


@pytest.mark.parametrize(
    ("slots_now", "conf", "tasks"),
    [
        (2, {**GPU}, 2),
        (0, {}, 1),
        (2, {"spark.dynamicAllocation.enabled": "true"}, 4),
        (3, {**GROWING, "spark.task.cpus": "8"}, 6),
        (3, {"spark.executor.cores": "16", **GPU, "spark.executor.instances": "4"}, 8),
        (1, AUTOSCALING, 2),
        (1, {**AUTOSCALING, "spark.executor.cores": "8", "spark.task.cpus": "8"}, 2),
        (3, {**AUTOSCALING, "spark.executor.cores": "8", "spark.task.cpus": "8"}, 4),
        (4, {**AUTOSCALING, "spark.databricks.clusterUsageTags.clusterScalingType": "fixed_size"}, 4),
    ],
)
def test_slots_that_spark_counts_come_before_its_cores(slots_now: int, conf: dict[str, str], tasks: int) -> None:
    assert cluster_tasks(200, conf, slots_now=slots_now) == tasks
