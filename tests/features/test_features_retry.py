"""Rejects that are tried again: they alone are computed, and a kill at any moment loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pixel_network import pixel_network, run_config, write_index, write_photos

from small_run import SmallRun
from streetdeciles.features import commit, ledger, stage
from streetdeciles.features.ledger import Shard
from streetdeciles.features.retry import plan_retry, retry_rejects, with_retries
from streetdeciles.parallel import Parallelism
from streetdeciles.run_log import StageReport

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_TASK = Parallelism(tasks=1, threads=2, local=True)


def extract(spark: SparkSession, work_dir: Path, log: Path | None = None) -> StageReport:
    network = pixel_network(log=str(log) if log else None)
    return stage.extract_shards(spark, run_config(work_dir), network, ONE_TASK)


def tables(work_dir: Path) -> list[pd.DataFrame]:
    frames = [pd.read_parquet(work_dir / name) for name in ("features", "rejects")]
    return [frame.sort_values("image_id", ignore_index=True) for frame in frames]


@pytest.fixture
def damaged(spark: SparkSession, tmp_path: Path) -> dict[Path, bytes]:
    """Two shards are finished, each with a reject whose file is good now; the files, and what was in them."""
    photos = write_photos(tmp_path / "photos", 12)
    content = {photos[number]: photos[number].read_bytes() for number in (1, 9)}
    for path in content:
        path.write_bytes(b"")
    write_index(spark, tmp_path / "run", [photos[:6], photos[6:]])
    assert extract(spark, tmp_path / "run").counts["rejects"] == 2
    for path, good in content.items():
        path.write_bytes(good)
    return content


def test_only_the_rejects_are_computed_again(spark: SparkSession, tmp_path: Path, damaged: dict[Path, bytes]) -> None:
    before = {number: mark.seconds for number, mark in ledger.read_marks(str(tmp_path / "run")).items()}
    retry_rejects(str(tmp_path / "run"), before_change=lambda: None)
    assert not [*(tmp_path / "run" / "_staging").glob("extracted*")]
    report = extract(spark, tmp_path / "run", tmp_path / "log")
    assert report.counts == {"images": 12, "features": 12, "rejects": 0}
    assert "2 photographs were tried again, the others kept" in report.notes
    computed = [line.split()[1] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(",".join(computed).split(",")) == ["1", "9"]
    assert not [*(tmp_path / "run" / "features" / "_retry").iterdir()]
    marks = ledger.read_marks(str(tmp_path / "run"))
    assert [marks[number].features for number in (0, 1)] == [6, 6]
    assert all(marks[number].seconds["decoding"] >= before[number]["decoding"] for number in (0, 1))
    write_index(spark, tmp_path / "whole", [sorted((tmp_path / "photos").iterdir())])
    extract(spark, tmp_path / "whole")
    for actual, expected in zip(tables(tmp_path / "run"), tables(tmp_path / "whole"), strict=True):
        pd.testing.assert_frame_equal(actual.drop(columns="shard"), expected.drop(columns="shard"))


@pytest.mark.parametrize("moment", ["remove_shards", "_write_parts", "write_mark"])
def test_retry_that_is_killed_goes_on(
    moment: str, spark: SparkSession, tmp_path: Path, damaged: dict[Path, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    retry_rejects(str(tmp_path / "run"), before_change=lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(commit, moment, killed)
        with pytest.raises(KeyboardInterrupt):
            extract(spark, tmp_path / "run")
    report = extract(spark, tmp_path / "run")
    assert report.counts == {"images": 12, "features": 12, "rejects": 0}
    features, rejects = tables(tmp_path / "run")
    assert features["image_id"].is_unique
    assert (len(features), len(rejects)) == (12, 0)


def test_planned_retries_come_together(tmp_path: Path) -> None:
    plan_retry(str(tmp_path), 3, ["b"])
    (first,) = with_retries([Shard(3, 9, "")], str(tmp_path))
    plan_retry(str(tmp_path), 3, ["a", "b"])
    (both,) = with_retries([Shard(2, 9, ""), Shard(3, 9, "")], str(tmp_path))
    assert (first.retried, both.retried, both.to_compute) == (1, 2, 2)
    assert both.since == first.since > 0


def test_rejects_are_retried_by_the_command(small_run: SmallRun) -> None:
    broken = small_run.folder / "photographs" / "00004_1.jpg"
    content = broken.read_bytes()
    broken.write_bytes(content[:100])
    assert small_run.main("run", "--to", "features") == 0
    assert small_run.table("rejects")["image_id"].tolist() == ["00004_1"]
    broken.write_bytes(content)
    assert small_run.main("features", "--retry-rejects") == 0
    assert len(small_run.table("features")) == 24
    assert len(small_run.table("rejects")) == 0
