"""What `doctor --cluster` says of executors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from small_run import SmallRun
from streetdeciles import __version__
from streetdeciles.doctor import cluster as cluster_check
from streetdeciles.doctor.cluster import find_executors
from streetdeciles.doctor.probe import executor_probe
from streetdeciles.errors import RunFailed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_executor_that_shares_the_work_dir_is_ready(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert small_run.main("doctor", "--cluster") == 0
    assert "Ready to run on 1 executor(s)" in capsys.readouterr().out
    assert [path for path in small_run.work_dir.rglob("*") if path.is_file()] == []


def test_work_dir_that_an_executor_cannot_read_is_named(spark: SparkSession, tmp_path: Path) -> None:
    (finding,), expected = find_executors(spark, "memory://cluster_check")  # in the driver's process only
    assert expected == 1
    assert finding.package == __version__
    assert finding.wrong.startswith("cannot read the driver's files in work_dir (")


def test_missing_modules_are_named(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_check, "MODULES", ("json", "no_such_module"))
    (finding,), _ = find_executors(spark, str(tmp_path))
    assert finding.missing == ("no_such_module",)
    assert finding.wrong.startswith("has no no_such_module: install them there, or ship an environment")


def test_executor_without_the_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = executor_probe("/nowhere", ("json",), ("json",), 0.0)
    monkeypatch.setitem(__import__("sys").modules, "streetdeciles", None)
    finding = cluster_check._finding(json.loads(probe(0)), [])
    assert finding.package == ""
    assert "cannot import streetdeciles" in finding.wrong


def test_work_dir_that_machines_do_not_share_is_named() -> None:
    answer = {"executor": "a:1", "python": "3.11", "package": __version__, "problem": "", "gpu": "", "missing": []}
    answer["file"] = "executor-a-1"
    assert cluster_check._finding(answer, ["driver", "executor-a-1"]).wrong == ""
    assert "must be on a disk that all share" in cluster_check._finding(answer, ["driver"]).wrong


LOST = (
    "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, "
    "most recent failure: Lost task 0.3 in stage 3.0 (TID 9) (10.0.0.7 executor 2): "
)


@pytest.mark.parametrize(
    ("why", "wrong"),
    [
        (
            "org.apache.spark.api.python.PythonException: pyspark.errors.exceptions.base.PySparkRuntimeError: "
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version (3, 12) than that in driver 3.11",
            "has Python 3.12, the driver 3.11",
        ),
        (
            "org.apache.spark.SparkException: [PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9 "
            "than that in driver: 3.11, PySpark cannot run with different minor versions.",
            "has Python 3.9, the driver 3.11",
        ),
        (
            'java.io.IOException: Cannot run program "./environment/bin/python": error=2, No such file or directory',
            'cannot run Python (Cannot run program "./environment/bin/python": error=2, No such file or directory)',
        ),
        (
            "org.apache.spark.SparkException: failed to connect back.\nCaused by: java.io.EOFException: x",
            "cannot run Python (RuntimeError: java.io.EOFException: x)",
        ),
    ],
)
def test_executor_whose_python_does_not_fit_is_named(why: str, wrong: str) -> None:
    finding = cluster_check._failed_executor(RuntimeError(LOST + why))
    assert finding.executor == "executor 2 on 10.0.0.7"
    assert finding.wrong.startswith(wrong)
    assert "set spark.pyspark.python to one that is there" in finding.wrong


def test_failure_without_an_executor_is_raised() -> None:
    with pytest.raises(RunFailed, match="No space left on device"):
        cluster_check._failed_executor(RuntimeError("java.io.IOException: No space left on device"))


def test_all_that_an_executor_lacks_is_named_at_once(tmp_path: Path) -> None:
    probe = executor_probe(str(tmp_path), ("json", "no_module_a"), ("no_module_b",), 0.0)
    finding = cluster_check._finding(json.loads(probe(0)), [])
    assert finding.wrong.startswith("has no no_module_b, no_module_a: install them there")
    assert "cannot read the driver's files in work_dir" in finding.wrong


def test_cluster_needs_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    from streetdeciles.cli import main

    assert main(["doctor", "--cluster"]) == 2
    assert "needs the run's --config" in capsys.readouterr().err
