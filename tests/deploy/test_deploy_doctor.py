"""`doctor --cluster` on a real standalone cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from standalone.cluster import standalone_cluster

pytestmark = pytest.mark.cluster


def test_doctor_asks_both_executors_of_a_cluster(
    spark_submit: Callable[..., subprocess.CompletedProcess[str]], small_config: Path, tmp_path: Path
) -> None:
    options = ("--executor-memory", "512m")
    with standalone_cluster(tmp_path / "cluster", workers=2, cores=1, memory="512m") as cluster:
        done = spark_submit("doctor", "--config", small_config, master=cluster.master, options=options)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Ready to run on 2 executor(s)" in done.stdout
