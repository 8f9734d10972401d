"""All stages on Spark 4 with NumPy 2: as the tasks of the Databricks bundle, and through Spark Connect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyspark
import pytest
import yaml
from connect_server import connect_server

from paths import REPOSITORY
from same_results import assert_same_results
from small_run import SmallRun, make_small_run
from streetdeciles.stages import STAGE_NAMES

pytestmark = pytest.mark.spark4

SUBMIT = "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2"

TASKS = """
import json, sys
from streetdeciles.cli.task import main
for parameters in json.loads(sys.argv[1]):
    sys.argv[1:] = parameters
    main()
"""
"""What Databricks does with the tasks of a job, one after the other in one session."""


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
    env = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", **environment}
    completed = subprocess.run(command, cwd=run.folder, env=env, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A small run by the bundle's tasks in a session that is there, as a workspace's is."""
    run = make_small_run(tmp_path_factory.mktemp("tasks"))
    run_tasks(run, PYSPARK_SUBMIT_ARGS=f"{SUBMIT} pyspark-shell")
    return run


def test_this_is_spark_4_with_numpy_2() -> None:
    assert pyspark.__version__.startswith("4.")
    assert np.__version__.startswith("2.")
    assert tuple(line[0] for line in command_lines(SmallRun(Path()))) == STAGE_NAMES


def test_tasks_of_the_bundle_run_all_stages(finished: SmallRun) -> None:
    assert (finished.work_dir / "report.html").is_file()
    assert len(finished.table("predictions")) == 12
    log = (finished.work_dir / "logs" / "run.log").read_text()
    assert "training_set: without Petastorm's metadata (it cannot be imported: " in log


def test_spark_connect_runs_all_stages_with_the_same_results(finished: SmallRun, tmp_path: Path) -> None:
    """The first stage in a session that is started for it, all others in one that is there."""
    (tmp_path / "run").mkdir()
    run = make_small_run(tmp_path / "run")
    with connect_server(tmp_path) as url:
        command = [sys.executable, "-m", "streetdeciles", "run", "--to", "labels", "--config", str(run.config)]
        subprocess.run(command, cwd=run.folder, env={**os.environ, "SPARK_REMOTE": url}, check=True)
        run_tasks(run, SPARK_REMOTE=url)
    assert_same_results(finished.work_dir, run.work_dir)


def test_refusal_of_a_worker_is_one_line_through_spark_connect(tmp_path: Path) -> None: ...
