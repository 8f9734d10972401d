"""What `--status` says, and that rejects can be tried again."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pixel_network import pixel_network, run_config, write_index, write_photos

from config_files import write_config
from streetdeciles import pipeline, run_log
from streetdeciles.cli import main
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.features import ledger, stage
from streetdeciles.features.ledger import Mark
from streetdeciles.features.retry import rejects_to_retry, retry_rejects
from streetdeciles.features.status import extraction_status
from streetdeciles.lock import locked
from streetdeciles.parallel import Parallelism
from streetdeciles.run_log import StageReport
from streetdeciles.stages import STAGE_NAMES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_TASK = Parallelism(tasks=1, threads=2, local=True)


def index(work_dir: Path, images_by_shard: dict[int, int]) -> None:
    """`image_index` as far as it is looked at, in two files."""
    (work_dir / "image_index").mkdir(parents=True)
    for part in range(2):
        numbers = [number for number, n in images_by_shard.items() for i in range(n) if i % 2 == part]
        pq.write_table(pa.table({"shard": pa.array(numbers, pa.int32())}), work_dir / "image_index" / f"{part}.parquet")


def finish(work_dir: Path, number: int, n: int, *, at: tuple[float, float] = (0, 0), **rejects: int) -> None:
    ledger.write_mark(str(work_dir), Mark(number, "M", {}, n, n - sum(rejects.values()), rejects, {}, "cpu", *at))
    for table in ("features", "rejects") if rejects else ("features",):
        (work_dir / table / f"shard={number}").mkdir(parents=True)


def test_status_adds_up(tmp_path: Path) -> None:
    index(tmp_path, {0: 10, 1: 8, 2: 6, 3: 4, 4: 2})
    finish(tmp_path, 0, 10, at=(100, 104), missing=2, empty=1)
    finish(tmp_path, 1, 8, at=(102, 106), missing=1)  # computed beside the other for two seconds
    finish(tmp_path, 3, 5)  # one photograph more than there is now
    finish(tmp_path, 9, 7)  # no longer in the index
    for number in (0, 2, 9):
        ledger.write_failure(str(tmp_path), number, "no right to read it")
    finish(tmp_path, 4, 2, at=(200, 204))  # in a later run
    (tmp_path / "features" / "shard=4").rmdir()  # and its features were removed since
    actual = extraction_status(str(tmp_path))
    assert actual.shards == {"done": (2, 18), "failed": (1, 6), "missing": (2, 6), "all": (5, 30)}
    assert (actual.features, actual.rejects) == (14, {"missing": 3, "empty": 1})
    assert actual.failures == {2: "no right to read it"}
    assert actual.images_per_second == pytest.approx(18 / 6)
    assert actual.owner is None


def test_status_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="no index of photographs yet; run the stage images first"):
        extraction_status(str(tmp_path))


def test_finished_shard_has_not_failed_any_more(tmp_path: Path) -> None:
    ledger.write_failure(str(tmp_path), 3, "no right to read it")
    finish(tmp_path, 3, 1)
    assert ledger.read_failures(str(tmp_path)) == {}


def test_status_is_shown_while_a_run_goes_on(
    values: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index(tmp_path / "out", {0: 3, 1: 1200})
    finish(tmp_path / "out", 0, 3, at=(10, 12), truncated=1)
    ledger.write_failure(str(tmp_path / "out"), 1, "gone")
    with locked(str(tmp_path / "out")):
        assert main(["features", "--config", str(write_config(tmp_path, values)), "--status"]) == 0
    output = capsys.readouterr().out
    assert [line.split()[1::2] for line in output.splitlines() if "failed  " in line] == [["failed", "1", "1,200"]]
    for expected in (
        "2 features, 1 reject",
        "truncated: 1",
        "1.5 images/s",
        "shard 1 failed: gone",
        "running: process",
    ):
        assert expected in output


def test_retried_rejects_are_features_now_and_other_shards_stay(spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 8)
    hidden, mended, empty = photos[3].rename(tmp_path / "hidden.png"), photos[5], photos[7]
    content = mended.read_bytes()
    for damaged in (mended, empty):
        damaged.write_bytes(b"")
    write_index(spark, tmp_path, [photos[:2], [*photos[2:4], tmp_path / "gone.jpg"], photos[4:6], photos[6:]])

    def extract() -> StageReport:
        return stage.extract_shards(spark, run_config(tmp_path), pixel_network(), ONE_TASK)

    counts = {"images": 9, "features": 5, "rejects": 4, "rejects: missing": 2, "rejects: empty": 2}
    assert extract().counts == counts
    before = marks_and_times(tmp_path)
    retry_rejects(str(tmp_path), before_change=lambda: None)
    assert marks_and_times(tmp_path) == before  # nothing is different yet
    hidden.rename(photos[3])
    mended.write_bytes(content)
    retry_rejects(str(tmp_path), before_change=lambda: None)
    again = extract()
    assert again.counts == {"images": 9, "features": 7, "rejects": 2, "rejects: missing": 1, "rejects: empty": 1}
    after = marks_and_times(tmp_path)
    assert [number for number in after if after[number] != before[number]] == [1, 2]
    marks = {number: mark for number, (mark, _) in after.items()}
    assert marks[1].features == marks[2].features == 2
    assert 0 < marks[0].started < marks[0].ended < marks[1].started


def marks_and_times(work_dir: Path) -> dict[int, tuple[Mark, list[int]]]:
    """Each mark, and when its features were written."""
    return {
        number: (mark, [path.stat().st_mtime_ns for path in (work_dir / "features" / f"shard={number}").iterdir()])
        for number, mark in sorted(ledger.read_marks(str(work_dir)).items())
    }


@pytest.mark.parametrize(
    ("uri", "reason", "retried"),
    [
        ("{}/old.jpg", "damaged", False),
        ("{}/old.zip!a!b.jpg", "truncated", False),
        ("{}/new.zip!a.jpg", "archive_damaged", True),
        ("{}/new.parquet!7", "empty", True),
        ("file://{}/new.jpg", "too_large", True),
        ("{}/was_there.jpg", "empty", True),
        ("{}/old.jpg/no_folder.jpg", "missing", False),
        ("{}/old.jpg", "missing", True),
        ("{}/old.jpg", "crashed_worker", True),
        ("s3://bucket/a.jpg", "damaged", True),
    ],
)
def test_rejects_are_tried_again_where_they_may_have_changed(
    uri: str, reason: str, retried: bool, tmp_path: Path
) -> None:
    for name in ("old.jpg", "old.zip", "other.jpg"):
        (tmp_path / name).touch()
    os.utime(tmp_path / "other.jpg", (1, 1))
    time.sleep(0.02)
    finish(tmp_path, 3, 1, at=(time.time(), time.time()), **{reason: 1})
    write_rejects(tmp_path, 3, uri.format(tmp_path), reason)
    time.sleep(0.02)
    for name in ("new.zip", "new.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "other.jpg").rename(tmp_path / "new.jpg")  # an older file, in its place since
    assert [*rejects_to_retry(str(tmp_path))] == ([(3, ["a"])] if retried else [])


def write_rejects(work_dir: Path, shard: int, uri: str, reason: str) -> None:
    pq.write_table(
        pa.table({"image_id": ["a"], "uri": [uri], "reason": [reason]}), work_dir / f"rejects/shard={shard}/a.parquet"
    )


@pytest.mark.parametrize("rejects", [{}, {"missing": 1}])
def test_what_follows_from_rejects_is_made_again(rejects: dict[str, int], tmp_path: Path) -> None:
    finish(tmp_path, 0, 3, **rejects)
    if rejects:
        write_rejects(tmp_path, 0, str(tmp_path), "missing")
    for name in STAGE_NAMES:
        run_log.record(str(tmp_path), StageReport(name), "x")
    retry_rejects(str(tmp_path), lambda: pipeline.forget_from(str(tmp_path), "features"))
    kept = [name for name in STAGE_NAMES if run_log.finished(str(tmp_path), name)]
    assert kept == (["labels", "images"] if rejects else list(STAGE_NAMES))


def test_retry_that_must_not_run_yet_forgets_nothing(values: dict[str, Any], tmp_path: Path) -> None:
    finish(tmp_path / "out", 0, 3, missing=1)
    write_rejects(tmp_path / "out", 0, str(tmp_path), "missing")
    run_log.record(str(tmp_path / "out"), StageReport("features"), "x")
    with pytest.raises(RunRefused, match="stage images must run first"):
        pipeline.run(load_config(str(write_config(tmp_path, values))), ["features"], reopen=retry_rejects)
    assert list(ledger.read_marks(str(tmp_path / "out"))) == [0]
    assert run_log.finished(str(tmp_path / "out"), "features")
