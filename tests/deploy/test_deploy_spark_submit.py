"""The jobs under the installed Spark's spark-submit: same code, same config, the right exit codes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.cluster

SparkSubmit = Callable[..., subprocess.CompletedProcess[str]]


def errors_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Our lines in spark-submit's standard output; Spark's own lines begin with a date."""
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return [line for line in lines if line.startswith(("error", "Traceback", "  File"))]


def test_labels_and_images_run_under_spark_submit(spark_submit: SparkSubmit, small_config: Path) -> None:
    for job in ("labels", "images"):
        done = spark_submit(job, "--config", small_config)
        assert done.returncode == 0, done.stderr[-2000:]
    work_dir = small_config.parent / "run"
    assert len(pd.read_parquet(work_dir / "locations")) == 33
    index = pd.read_parquet(work_dir / "image_index")
    assert len(index) == 12
    assert index["image_id"].is_unique


def test_bad_config_ends_spark_submit_with_2_and_one_line(
    spark_submit: SparkSubmit, small_config: Path, tmp_path: Path
) -> None:
    values = yaml.safe_load(small_config.read_text())
    values["dataset"]["folds"] = 1
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump(values))
    done = spark_submit("features", "--config", bad)
    assert done.returncode == 2
    (line,) = errors_of(done)
    assert line.startswith(f"error: {bad}: dataset.folds: input should be greater than or equal to 2, got 1")


def test_failure_in_a_stage_ends_spark_submit_with_one_line(
    spark_submit: SparkSubmit, small_config: Path, tmp_path: Path
) -> None:
    """The stage notices a folder without photographs only when Spark is already running."""
    values = yaml.safe_load(small_config.read_text())
    values["images"]["folder"] = str(tmp_path / "empty")
    values["work_dir"] = str(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    config = tmp_path / "empty.yaml"
    config.write_text(yaml.safe_dump(values))
    done = spark_submit("images", "--config", config)
    assert done.returncode == 2
    (line,) = errors_of(done)
    assert str(tmp_path / "empty") in line


SETTINGS = """
import sys
from streetdeciles.config import SparkConfig
from streetdeciles.session import spark_session
conf = {"spark.sql.ansi.enabled": "true", "spark.sql.shuffle.partitions": "3"}
with spark_session(SparkConfig(conf=conf), "") as spark:
    for key in ("spark.sql.shuffle.partitions", "spark.sql.session.timeZone", "spark.sql.ansi.enabled", "spark.master"):
        print("setting", key, spark.conf.get(key))
"""


def test_settings_of_spark_submit_stay_and_others_are_added(spark_submit: SparkSubmit, tmp_path: Path) -> None:
    """In the config, `spark.conf` counts for what the owner of the cluster leaves open."""
    (tmp_path / "settings.py").write_text(SETTINGS)
    options = ("--conf", "spark.sql.shuffle.partitions=400", "--conf", "spark.sql.session.timeZone=Asia/Tokyo")
    done = spark_submit(tmp_path / "settings", options=options)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("setting")] == [
        ["spark.sql.shuffle.partitions", "400"],
        ["spark.sql.session.timeZone", "Asia/Tokyo"],
        ["spark.sql.ansi.enabled", "true"],
        ["spark.master", "local[2]"],
    ]
