"""Ctrl-C and SIGTERM under spark-submit, and in somebody else's session."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from real_command import LINE, WITHIN_S, Command
from small_run import SmallRun
from standalone.cluster import environment, spark_home, standalone_cluster, state

REPOSITORY = Path(__file__).parents[2]


def submit(small_run: SmallRun, job: str, master: str = "local[2]", *options: str) -> Command:
    settings = ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false", "--driver-memory", "1g"]
    program = spark_home() / "bin" / "spark-submit"
    command = [program, "--master", master, *settings, *options, REPOSITORY / "jobs" / f"{job}.py"]
    output = small_run.folder / "submitted.output"
    return Command([*command, "--config", small_run.config], output, with_stdout=True, environment=environment())


def check_stopped(command: Command, number: signal.Signals, start: float) -> None:
    """The command has ended as any other does, but for Spark's own log, which still reports the end of its jobs."""
    assert command.process.wait(60) == 128 + number, command.output
    while command.processes() and time.monotonic() - start < WITHIN_S:
        time.sleep(0.05)
    assert command.left() == []
    assert time.monotonic() - start < WITHIN_S
    assert command.output.count(LINE) <= 1  # Python's lines go through the JVM, which may be gone first
    assert not [line for line in command.output.splitlines() if line.startswith(("error", "Traceback"))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_spark_submit(number: signal.Signals, small_run: SmallRun) -> None:
    """A terminal sends Ctrl-C to the whole group, and whoever ends a job sends SIGTERM to the JVM alone."""
    with submit(small_run, "labels") as command:
        command.wait_until(lambda: command.starts_stage("labels"))
        time.sleep(1)
        start = time.monotonic()
        (os.killpg if number == signal.SIGINT else os.kill)(command.process.pid, number)
        check_stopped(command, number, start)
    assert not (small_run.work_dir / "run.lock").exists()  # Python, too, has ended in its own way
    assert not (small_run.work_dir / "run_log" / "labels.json").exists()


def in_a_session_of_its_own(program: str, small_run: SmallRun) -> Command:
    """A Python program that starts a session by itself; its argument is the config."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, small_run.config]
    return Command(command, small_run.folder / "guest.output", with_stdout=True, environment=variables)


GUEST = """
import sys
from pyspark.sql import SparkSession
from streetdeciles.cli import main

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
for _ in range(2):
    code = main(["labels", "--config", sys.argv[1]])
    print(f"code {code}, {spark.range(10).count()} rows", flush=True)
"""


def test_ctrl_c_in_a_session_of_others_leaves_it_usable(small_run: SmallRun) -> None:
    with in_a_session_of_its_own(GUEST, small_run) as guest:
        guest.wait_until(lambda: guest.starts_stage("labels"))
        time.sleep(1)
        os.kill(guest.process.pid, signal.SIGINT)
        start = time.monotonic()
        guest.wait_until(lambda: LINE in guest.output)
        assert time.monotonic() - start < WITHIN_S
        guest.wait_until(lambda: "code 130, 10 rows" in guest.output)
        assert guest.process.wait(120) == 0, guest.output
    assert "code 0, 10 rows" in guest.output
    assert guest.output.count(LINE) == 1
    assert "Traceback" not in guest.output


STAGE_OF_A_GUEST = """
import sys
from pyspark.sql import SparkSession
from streetdeciles.config_file import load_config
from streetdeciles.labels.stage import run

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
config = load_config(sys.argv[1])
try:
    print("starts", flush=True)
    run(spark, config)
except KeyboardInterrupt:
    print(f"interrupted, {spark.range(10).count()} rows", flush=True)
"""


def test_ctrl_c_in_a_stage_that_others_call(small_run: SmallRun) -> None:
    with in_a_session_of_its_own(STAGE_OF_A_GUEST, small_run) as guest:
        guest.wait_until(lambda: "starts" in guest.output)
        time.sleep(2)
        os.kill(guest.process.pid, signal.SIGINT)
        guest.wait_until(lambda: "interrupted, 10 rows" in guest.output)
        assert guest.process.wait(30) == 0, guest.output


@pytest.mark.cluster
@pytest.mark.parametrize("stage", ["labels", "training"])
def test_sigterm_on_a_cluster(stage: str, small_run: SmallRun, tmp_path: Path) -> None:
    """In a stage that waits for Spark, and in one that computes in Python and has nothing to do with the JVM."""
    small_run.set(training={"epochs": 100_000, "patience": 100_000})
    if stage == "training":
        assert small_run.main("run", "--to", "dataset") == 0
    with (
        standalone_cluster(tmp_path / "cluster", workers=2, cores=1, memory="512m") as cluster,
        submit(small_run, stage, cluster.master, "--executor-memory", "512m") as command,
    ):
        command.wait_until(lambda: command.starts_stage(stage))
        time.sleep(3)
        start = time.monotonic()
        os.kill(command.process.pid, signal.SIGTERM)
        check_stopped(command, signal.SIGTERM, start)
        until = time.monotonic() + WITHIN_S
        while state(cluster)["activeapps"] and time.monotonic() < until:
            time.sleep(0.2)
        assert not state(cluster)["activeapps"]
        assert not (small_run.work_dir / "run.lock").exists()
