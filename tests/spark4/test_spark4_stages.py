"""All stages on Spark 4 with NumPy 2: as the tasks of the Databricks bundle, and through Spark Connect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyspark
import pytest
import yaml
from connect_server import connect_server

from paths import REPOSITORY
from same_results import assert_same_frames
from small_run import SmallRun, make_small_run
from streetdeciles.stages import STAGE_NAMES

pytestmark = [pytest.mark.spark4, pytest.mark.usefixtures("java")]

SUBMIT = "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2"

TASKS = """
import json, sys
from streetdeciles.cli.task import main
for parameters in json.loads(sys.argv[1]):
    sys.argv[1:] = parameters
    main()
"""
"""What Databricks does with the tasks of a job, one after the other in one session."""


WORKERS = """
import os
from pyspark.sql import SparkSession
from streetdeciles.errors import RunRefused, one_line_error
from streetdeciles.features.lost_workers import LOST_WORKER

def refuse(batches):
    raise RunRefused("locations.csv, row 3: no number")
    yield

def die(batches):
    os._exit(1)
    yield

spark = SparkSession.builder.getOrCreate()
for work in (refuse, die):
    try:
        spark.range(0, 1, 1, 1).mapInArrow(work, "id long").collect()
    except Exception as error:
        ours = one_line_error(error)
        print("a worker died" if LOST_WORKER.search(str(error)) else f"{type(ours).__name__}: {ours}")
"""


def command_lines(run: SmallRun) -> list[list[str]]:
    """The parameters of the bundle's tasks, in order, with the config of the run."""
    bundle = yaml.safe_load((REPOSITORY / "deploy" / "databricks" / "databricks.yml").read_text())
    tasks = bundle["resources"]["jobs"]["streetdeciles"]["tasks"]
    return [
        [word.replace("${var.config}", str(run.config)) for word in task["python_wheel_task"]["parameters"]]
        for task in tasks
    ]


def run_tasks(run: SmallRun, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TASKS, json.dumps(command_lines(run))]
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", **environment}
    completed = subprocess.run(command, cwd=run.folder, env=env, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed


@pytest.fixture(scope="module")
def finished(java: None, tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A small run by the bundle's tasks in a session that is there, as a workspace's is."""
    run = make_small_run(tmp_path_factory.mktemp("tasks"))
    run_tasks(run, PYSPARK_SUBMIT_ARGS=f"{SUBMIT} pyspark-shell")
    return run


@pytest.fixture(scope="module")
def server(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of Spark Connect, as SPARK_REMOTE names it."""
    with connect_server(tmp_path_factory.mktemp("server")) as url:
        yield url


def test_this_is_spark_4_with_numpy_2() -> None:
    assert pyspark.__version__.startswith("4.")
    assert np.__version__.startswith("2.")
    assert tuple(line[0] for line in command_lines(SmallRun(Path()))) == STAGE_NAMES


@pytest.mark.runtimes
def test_tasks_of_the_bundle_run_all_stages(finished: SmallRun) -> None:
    assert (finished.work_dir / "report.html").is_file()
    assert len(finished.table("predictions")) == 12
    log = (finished.work_dir / "logs" / "run.log").read_text()
    assert "training_set: without Petastorm's metadata (it cannot be imported: " in log


def test_spark_connect_runs_all_stages_with_the_same_results(server: str, finished: SmallRun, tmp_path: Path) -> None:
    """The first stage in a session that is started for it, all others in one that is there."""
    run = make_small_run(tmp_path)
    run.set(images={"folder": str(finished.folder / "photographs")})  # whose paths are in the tables
    command = [sys.executable, "-m", "streetdeciles", "run", "--to", "labels", "--config", str(run.config)]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "SPARK_REMOTE": server}, check=True)
    run_tasks(run, SPARK_REMOTE=server)
    for name in ("locations", "image_index", "predictions", "area_predictions", "metrics"):
        assert_same_frames(finished.table(name), run.table(name), name)


def test_spark_connect_says_what_a_worker_refuses_and_that_one_died(server: str, tmp_path: Path) -> None:
    env = {**os.environ, "SPARK_REMOTE": server}
    command = [sys.executable, "-c", WORKERS]
    completed = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert completed.stdout.splitlines() == ["RunRefused: locations.csv, row 3: no number", "a worker died"]


def test_spark_connect_without_a_server_is_one_line(tmp_path: Path) -> None:
    run = make_small_run(tmp_path)
    run.set(spark={"conf": {"spark.remote": "sc://127.0.0.1:9/;token=secret"}})
    command = [sys.executable, "-m", "streetdeciles", "labels", "--config", str(run.config)]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert completed.returncode == 2, completed.stderr
    (line,) = [line for line in completed.stderr.splitlines() if "error: " in line]
    assert "no Spark Connect session at sc://127.0.0.1:9/" in line
    assert "secret" not in completed.stderr
