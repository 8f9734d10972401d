"""Spark's GPUs: the discovery script, and the addresses that tasks get on a real cluster with pretended GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from standalone.cluster import environment, standalone_cluster

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "deploy" / "gpu" / "discover_gpus.sh"
TESTS_OF_FEATURES = REPOSITORY / "tests" / "features"


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("listed", "addresses"), [("0", ["0"]), ("0\\n 1\\n10", ["0", "1", "10"])])
def test_discovery_script_lists_what_nvidia_smi_lists(listed: str, addresses: list[str], tmp_path: Path) -> None:
    executable(tmp_path / "nvidia-smi", f"printf '{listed}\\n'")
    path = f"{tmp_path}:{os.environ['PATH']}"
    completed = subprocess.run([SCRIPT], env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    assert json.loads(completed) == {"name": "gpu", "addresses": addresses}


def test_discovery_script_without_a_gpu_fails_and_says_why(tmp_path: Path) -> None:
    executable(tmp_path / "nvidia-smi", "echo 'No devices were found'")
    path = f"{tmp_path}:{os.environ['PATH']}"
    completed = subprocess.run([SCRIPT], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert completed.returncode == 1
    assert completed.stdout == ""
    assert completed.stderr.endswith("its output: No devices were found\n")


@pytest.mark.cluster
@pytest.mark.parametrize("share", [("1", 1, 1), ("0.5", 3, 2)], ids=["one task per GPU", "two tasks per GPU"])
def test_live_tasks_of_a_gpu_are_as_many_as_its_share_allows(
    share: tuple[str, int, int], spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One machine with the GPUs 3 and 7, an executor on each; every task writes down which GPU it got, and when.

    The executors that share have more cores than tasks, so that it is the GPU that bounds them.
    """
    gpus_per_task, cores, tasks_per_gpu = share
    monkeypatch.syspath_prepend(TESTS_OF_FEATURES)
    from pixel_network import write_index, write_photos

    photos = write_photos(tmp_path / "photos", 24)
    write_index(spark, tmp_path / "run", [photos[i : i + 2] for i in range(0, 24, 2)])
    discovery = executable(tmp_path / "discover.sh", """echo '{"name": "gpu", "addresses": ["3", "7"]}'""")
    properties = {
        "spark.worker.resource.gpu.amount": "2",
        "spark.worker.resource.gpu.discoveryScript": str(discovery),
    }
    log = tmp_path / "tasks.log"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    settings: dict[str, Any] = {"workers": 1, "cores": 2 * cores, "memory": "2g", "properties": properties}
    with standalone_cluster(tmp_path / "cluster", **settings) as cluster:
        program = Path(__file__).with_name("gpu_extraction.py")
        command = [sys.executable, program, cluster.master, tmp_path / "run", log, gpus_per_task, cores]
        done = subprocess.run(
            [*map(str, command)], env=environment(), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert "'features': 24" in done.stdout
    batches = pd.DataFrame([json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()])
    assert (batches["visible"] == batches["address"]).all()
    tasks = batches.groupby("task").agg(address=("address", "first"), start=("start", "min"), end=("end", "max"))
    assert len(tasks) == 12
    assert set(tasks["address"]) == {"3", "7"}
    for _, of_gpu in tasks.groupby("address"):
        live = [((of_gpu["start"] <= moment) & (moment < of_gpu["end"])).sum() for moment in of_gpu["start"]]
        assert max(live) == tasks_per_gpu
