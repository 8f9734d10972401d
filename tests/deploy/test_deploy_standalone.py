"""Feature extraction on a real standalone cluster: a master and two workers, each in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml

from standalone.cluster import environment, standalone_cluster, state
from streetdeciles import pipeline
from streetdeciles.config_file import load_config

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster

REPOSITORY = Path(__file__).parents[2]
TESTS_OF_FEATURES = REPOSITORY / "tests" / "features"
SparkSubmit = Callable[..., subprocess.CompletedProcess[str]]


def features_in(work_dir: str) -> pd.DataFrame:
    return pd.read_parquet(Path(work_dir) / "features").sort_values("image_id", ignore_index=True)


def test_features_run_through_spark_submit_on_a_standalone_cluster(
    spark_submit: SparkSubmit, small_config: Path, tmp_path: Path, spark: SparkSession
) -> None:
    config = load_config(str(small_config))
    config = config.model_copy(update={"work_dir": str(tmp_path / "run")})
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    pipeline.run(config, ["images"])

    options = ("--executor-memory", "512m", "--conf", "spark.task.cpus=1")
    with standalone_cluster(tmp_path / "cluster", workers=2, cores=1, memory="512m") as cluster:
        arguments = ("--config", path, "--log-format", "json")
        done = spark_submit("features", *arguments, master=cluster.master, options=options)
        assert done.returncode == 0, done.stderr[-2000:]
        status = state(cluster)
    assert [(app["name"], app["state"]) for app in status["completedapps"]] == [("streetdeciles", "FINISHED")]
    logs = [[*folder.glob("app-*/*/stderr")] for folder in (tmp_path / "cluster" / "work").iterdir()]
    assert [len(of_worker) for of_worker in logs] == [1, 1]  # each worker ran an executor
    run_id = json.loads((tmp_path / "run" / "logs" / "progress.json").read_text())["run_id"]
    lines = [line for (log,) in logs for line in log.read_text().splitlines()]
    printed = [json.loads(line) for line in lines if line.startswith('{"time"')]  # the JVM's are text
    assert {line["run_id"] for line in printed} == {run_id}
    assert any("batches of" in line["message"] for line in printed)

    on_cluster = features_in(config.work_dir)
    pipeline.run(config, ["features"], force=True)
    alone = features_in(config.work_dir)
    assert len(on_cluster) == 12
    assert list(on_cluster["image_id"]) == list(alone["image_id"])
    np.testing.assert_allclose(
        np.stack(on_cluster["features"].to_list()), np.stack(alone["features"].to_list()), rtol=1e-3, atol=1e-3
    )


def test_run_survives_the_loss_of_an_executor_and_of_a_worker(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 of one worker's executor, then of the other worker; what they computed last is computed elsewhere."""
    monkeypatch.syspath_prepend(TESTS_OF_FEATURES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    from pixel_network import features_of, write_index, write_photos

    photos = write_photos(tmp_path / "photos", 60)
    write_index(spark, tmp_path / "run", [photos[i : i + 2] for i in range(0, 60, 2)])
    program = TESTS_OF_FEATURES / "interrupted_extraction.py"
    errors = tmp_path / "errors"

    def wait_for_marks(n: int) -> None:
        deadline = time.monotonic() + 300
        while len(list((tmp_path / "run" / "features" / "_shards").glob("[0-9]*.json"))) < n:
            assert process.poll() is None, errors.read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with standalone_cluster(tmp_path / "cluster", workers=2, cores=1, memory="512m") as cluster:
        _, first, second = (psutil.Process(int(pid)) for pid in cluster.processes)
        command = [sys.executable, str(program), str(tmp_path / "run"), str(tmp_path / "log"), cluster.master]
        with (
            errors.open("w") as stderr,
            subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
        ):
            wait_for_marks(4)
            for child in first.children():
                with suppress(psutil.NoSuchProcess):  # small programs that Spark starts there for a moment
                    if "CoarseGrainedExecutorBackend" in " ".join(child.cmdline()):
                        child.kill()
            wait_for_marks(12)
            second.kill()
            printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, errors.read_text()[-3000:]
    assert printed.strip() == "{'images': 60, 'features': 60, 'rejects': 0}"
    actual = features_in(str(tmp_path / "run"))
    assert actual["image_id"].to_list() == [photo.stem for photo in photos]
    np.testing.assert_allclose(np.stack(actual["features"].to_list()), [features_of(photo) for photo in photos])


def test_cluster_starts_and_stops_by_command(tmp_path: Path) -> None:
    command = [sys.executable, REPOSITORY / "deploy" / "standalone" / "cluster.py"]
    folder = tmp_path / "cluster"
    started = subprocess.run(
        [*command, "start", "--folder", folder, "--workers", "1", "--memory", "512m"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "master spark://127.0.0.1:" in started.stdout
    pids = [int(pid) for pid in json.loads((folder / "cluster.json").read_text())["processes"]]
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)

    again = subprocess.run([*command, "start", "--folder", folder], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "already has a cluster; stop it first" in again.stderr

    stopped = subprocess.run([*command, "stop", "--folder", folder], capture_output=True, text=True, check=True)
    assert stopped.stdout == f"stopped the cluster in {folder}\n"
    assert not any(psutil.pid_exists(pid) for pid in pids)
    nothing = subprocess.run([*command, "stop", "--folder", folder], capture_output=True, text=True, check=False)
    assert nothing.returncode == 2
    assert "has no cluster" in nothing.stderr
