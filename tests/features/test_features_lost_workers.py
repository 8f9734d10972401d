"""A worker that the cluster took away is not one that a photograph brought down. The texts are Spark's own."""

from __future__ import annotations

from typing import Any

import pytest

from streetdeciles.errors import RunFailed
from streetdeciles.features import engine
from streetdeciles.features.engine import Engine, WorkerDied
from streetdeciles.features.lost_workers import was_taken_away

CAUSED, UNRELATED = "caused by one of the running tasks", "unrelated to the running tasks"


def aborted(reason: str, how: str = CAUSED) -> str:
    """How Spark reports a job whose task lost its executor for the last time."""
    return (
        "An error occurred while calling o95.parquet.\n: org.apache.spark.SparkException: Job aborted due to stage "
        "failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in stage 3.0 (TID 9) "
        f"(10.0.0.7 executor 2): ExecutorLostFailure (executor 2 exited {how}) Reason: {reason}\n"
        "Driver stacktrace:\n\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages"
    )


@pytest.mark.parametrize(
    "reason",
    [
        "Executor decommission.",
        "Executor decommission: worker decommissioned because of kill request from HTTP endpoint.",
        "worker lost: Not receiving heartbeat for 60 seconds",
        "Worker lost",
        "Slave lost",
        "Container container_e12_1330511445220_0529_01_000002 on host: node7 was preempted.",
        "Executor for container container_1_01_000003 exited because of a YARN event (e.g., preemption) and not "
        "because of an error in the running job.",
        "Container from a bad node: container_1_01_000003 on host: ip-10-0-0-1. Exit status: -100. Diagnostics: "
        "Container released on a *lost* node.",
        "Container marked as failed: container_1_01_000003 on host: ip-10-0-3-41. Exit status: 143. Diagnostics: "
        "Container killed on request. Exit code is 143",
        "Command exited with code 143",
        "The executor with id 3 was deleted by a user or the framework.",
        "\nThe executor with id 3 exited with exit code 143(SIGTERM, possible container OOM).\nThe API gave the "
        "following brief reason: N/A",
        "\nThe executor with id 3 exited with exit code -1(unexpected).\nThe API gave the following brief reason: "
        "NodeShutdown\nThe API gave the following message: Node is shutting down",
        "Executor killed by driver.",
        "Executor heartbeat timed out after 124953 ms",
        "Executor lost: spot instance was terminated by the cloud provider",
        "\nThe executor with id 12 exited with exit code -1(unexpected).\nThe API gave the following brief reason: "
        "Preempting\nThe API gave the following message: Preempted in order to admit critical pod",
        "\nThe executor with id 4 exited with exit code 137(SIGKILL, possible container OOM).\nThe API gave the "
        "following brief reason: Evicted\nThe API gave the following message: The node was low on resource: memory.",
        "Container from a bad node: container_1_01_000003 on host: node7. Exit status: -101. Diagnostics: 1/1 "
        "local-dirs are bad",
        "Container container_1_01_000003 exited from explicit termination request.",
        "Container from a bad node: container_1_01_000003 on host: node7. Exit status: 56. Possible causes: Unable to "
        "send heartbeats to driver. Diagnostics: ",
    ],
)
def test_executors_that_the_cluster_takes_are_known(reason: str) -> None:
    assert was_taken_away(aborted(reason))


@pytest.mark.parametrize(
    "error",
    [
        aborted("Command exited with code 134"),
        aborted(
            "Container killed by YARN for exceeding physical memory limits. 10.5 GB of 10 GB physical memory used."
        ),
        aborted("Container marked as failed: container_1_01_000003. Exit status: 137. Killed by external signal"),
        aborted("Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues."),
        aborted("\nThe executor with id 3 exited with exit code 137(SIGKILL, possible container OOM)."),
        aborted(
            "Container from a bad node: container_1_01_000003 on host: dp-spot-w-1. Exit status: 134. Diagnostics: "
        ),
        aborted(
            "Container killed on request. Exit status: 139. Diagnostics: Last 4096 bytes of stderr :\npreempt spot"
        ),
        aborted(
            "\nThe executor with id 3 exited with exit code 139(SIGSEGV).\nThe API gave the following container "
            "statuses:\n\n\t container name: spark-executor\n\t container image: registry/spot-preemptible/run:1"
        ),
        "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\nCaused by: java.io.EOFException",
        "java.lang.IllegalArgumentException: /photographs/spot decommission preempted.jpg",
    ],
)
def test_other_losses_may_be_a_photographs(error: str) -> None:
    assert not was_taken_away(error)


def test_losses_unrelated_to_the_tasks_are_the_clusters() -> None:
    assert was_taken_away(aborted("whatever", UNRELATED))


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine whose jobs fail with the given errors, one after the other, and then succeed."""

    def engine_with(*errors: str) -> tuple[Engine, list[str]]:
        left = list(errors)

        def write(frame: object, uri: str) -> None:
            if left:
                raise RuntimeError(left.pop(0))

        monkeypatch.setattr(engine, "write_parquet", write)
        monkeypatch.setattr(engine, "MAX_PAUSE_S", 0.0)
        return Engine(None, "memory://lost_workers", 1), left  # type: ignore[arg-type]

    return engine_with


def test_preempted_job_is_computed_again(losing: Any) -> None:
    made, left = losing(*[aborted("Executor decommission.")] * 6)
    assert made._staged(None, "a wave").startswith("memory://lost_workers/_staging/extracted-")
    assert left == []


def test_crashed_worker_is_reported_at_once(losing: Any) -> None:
    made, left = losing(aborted("Executor decommission."), aborted("Command exited with code 134"), "never")
    with pytest.raises(WorkerDied, match="exited with code 134"):
        made._staged(None, "a wave")
    assert left == ["never"]


def test_cluster_that_has_no_room_ends_the_run(losing: Any) -> None:
    made, _ = losing(*[aborted("Container x was preempted.")] * 100)
    with pytest.raises(RunFailed, match="took workers away 20 times in a row"):
        made._staged(None, "a wave")
