"""What Spark's UI shows of a run's jobs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

from small_run import SmallRun
from streetdeciles.borrowed_sessions import with_tags
from streetdeciles.job_names import DESCRIPTION, GROUP, jobs_named

if TYPE_CHECKING:
    import pytest
    from pyspark.sql import SparkSession


def test_names_are_those_of_the_context_and_put_back(spark: SparkSession) -> None:
    context = spark.sparkContext
    context.setLocalProperty(DESCRIPTION, "a notebook's")
    with jobs_named(spark, "features", stage="of this test"):
        assert context.getLocalProperty(GROUP) == "streetdeciles of this test"
        with jobs_named(spark, "features: wave 1, shard 0"):
            assert context.getLocalProperty(DESCRIPTION) == "features: wave 1, shard 0"
            spark.range(3).count()
        assert context.getLocalProperty(DESCRIPTION) == "features"
    assert context.getLocalProperty(DESCRIPTION) == "a notebook's"
    assert context.getLocalProperty(GROUP) is None
    context.setLocalProperty(DESCRIPTION, None)  # type: ignore[arg-type]
    assert context.statusTracker().getJobIdsForGroup("streetdeciles of this test")


def test_waves_in_other_threads_belong_to_the_group_of_their_stage(spark: SparkSession) -> None:
    """Each thread has its own properties in the JVM, also where the session is ours and its jobs have no tags."""
    context = spark.sparkContext
    assert not context.getJobTags()

    def wave(number: int) -> tuple[str | None, str | None]:
        with jobs_named(spark, f"features: wave {number}"):
            spark.range(3).count()
            return context.getLocalProperty(GROUP), context.getLocalProperty(DESCRIPTION)

    with jobs_named(spark, "features", stage="of waves"), ThreadPoolExecutor(2) as pool:
        waves = [pool.submit(with_tags(spark, wave), number) for number in (1, 2)]
        named = [one.result() for one in waves]
    assert named == [("streetdeciles of waves", "features: wave 1"), ("streetdeciles of waves", "features: wave 2")]
    assert len(context.statusTracker().getJobIdsForGroup("streetdeciles of waves")) >= 2


def test_jobs_over_spark_connect_get_a_tag() -> None:
    tags: list[str] = []
    remote = SimpleNamespace(addTag=tags.append, removeTag=tags.remove)
    with jobs_named(remote, "features: wave 1, shard 0"):  # type: ignore[arg-type]
        assert tags == ["streetdeciles-features-wave-1-shard-0"]
    assert tags == []


def test_run_names_its_jobs_and_logs_json(
    small_run: SmallRun, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small_run.main("run", "--to", "labels", "--log-format", "json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    lines += [json.loads(line) for line in (small_run.work_dir / "logs" / "run.log").read_text().splitlines()]
    assert len({line["run_id"] for line in lines}) == 1
    assert any(line["message"].startswith("[1/9] labels") for line in lines)
    assert spark.sparkContext.statusTracker().getJobIdsForGroup("streetdeciles labels")
    progress = json.loads((small_run.work_dir / "logs" / "progress.json").read_text())
    assert (progress["stage"], progress["state"], progress["run_id"]) == ("labels", "done", lines[0]["run_id"])


def test_refusal_in_json_is_one_line_of_it(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    small_run.set(labels={"regions": {"nowhere": ["Nowhere"]}})
    assert small_run.main("run", "--log-format", "json", "--to", "labels") == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "Nowhere" in json.loads(line)["message"]
    assert json.loads(line)["level"] == "ERROR"
