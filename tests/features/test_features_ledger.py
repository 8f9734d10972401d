"""The ledger of finished shards, and how shards are cut into waves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from file_names import ODD_NAMES
from streetdeciles.errors import RunRefused
from streetdeciles.features import ledger
from streetdeciles.features.ledger import Mark, Shard
from streetdeciles.features.shard_files import shard_folders
from streetdeciles.features.waves import cut_into_waves

SETTINGS: dict[str, Any] = {"weights": "abc", "precision": "float32", "max_pixels": 100}


def mark(number: int, *, features: int = 8, rejects: dict[str, int] | None = None, members: str = "M") -> Mark:
    rejects = rejects or {}
    seconds = {"reading": 0.5, "decoding": 1.0, "computing": 2.0, "writing": 0.25}
    return Mark(number, members, SETTINGS, features + sum(rejects.values()), features, rejects, seconds, "cpu")


def test_mark_is_read_back_as_written(tmp_path: Path) -> None:
    marks = [mark(42, rejects={"missing": 2}), mark(7), mark(123456)]
    for one in marks:
        ledger.write_mark(str(tmp_path), one)
    assert (tmp_path / "features" / "_shards" / "00042.json").exists()
    assert ledger.read_marks(str(tmp_path)) == {one.shard: one for one in marks}


def test_no_marks_where_nothing_ran(tmp_path: Path) -> None:
    assert ledger.read_marks(str(tmp_path)) == {}
    assert shard_folders(ledger.FEATURES, str(tmp_path)) == set()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_leftovers_are_removed_from_this_work_dir_only(tmp_path: Path, name: str) -> None:
    """`out1` is what a pattern `out[1]` would match."""
    for work_dir in (tmp_path / name / "out[1]", tmp_path / name / "out1"):
        for left in ("features/.spark-staging-1", "features/shard=1", "_staging/extracted-1", "_staging/other-1"):
            (work_dir / left).mkdir(parents=True)
            (work_dir / left / "part").touch()

    ledger.remove_leftovers({1}, {}, str(tmp_path / name / "out[1]"))

    folders = {path.parent.relative_to(tmp_path / name).as_posix() for path in (tmp_path / name).rglob("part")}
    assert folders == {
        "out[1]/features/shard=1",
        "out[1]/_staging/other-1",
        "out1/features/.spark-staging-1",
        "out1/features/shard=1",
        "out1/_staging/extracted-1",
        "out1/_staging/other-1",
    }


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    ledger.refuse_other_settings([mark(1)], SETTINGS, str(tmp_path))
    with pytest.raises(RunRefused, match=r"\(weights was abc, is xyz; store was None, is float16\).*--force"):
        ledger.refuse_other_settings([mark(1)], {**SETTINGS, "weights": "xyz", "store": "float16"}, str(tmp_path))


def write_shard(work_dir: Path, number: int, *, rejects: int = 0) -> None:
    """Eight features in two files, and some rejects."""
    for table, rows in (("features", 5), ("features", 3), ("rejects", rejects)):
        folder = work_dir / table / f"shard={number}"
        if rows:
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"image_id": ["x"] * rows}), folder / f"part-{rows}.parquet")


def finished_now(work_dir: Path, shards: list[Shard]) -> set[int]:
    return ledger.finished_shards(shards, ledger.read_marks(str(work_dir)), str(work_dir))


@pytest.mark.parametrize("of_earlier_version", [False, True])
def test_shard_is_finished_while_its_files_are_as_they_were(tmp_path: Path, of_earlier_version: bool) -> None:
    numbers = range(1, 8)
    for number in numbers:
        write_shard(tmp_path, number, rejects=int(number == 3))
        files = None if of_earlier_version else ledger.shard_manifest(number, str(tmp_path))
        ledger.write_mark(
            str(tmp_path), replace(mark(number, rejects={"empty": 1} if number == 3 else {}), files=files)
        )
    shards = [Shard(number, 9 if number == 3 else 8, "M", "V") for number in numbers]
    assert finished_now(tmp_path, shards) == {*numbers}

    shards[1] = Shard(2, 8, "others", "V")
    shutil.rmtree(tmp_path / "rejects" / "shard=3")
    (tmp_path / "features" / "shard=4" / "part-3.parquet").unlink()
    part = tmp_path / "features" / "shard=5" / "part-3.parquet"
    shutil.copy(part, part.with_name("part-3 (copy).parquet"))
    part = tmp_path / "features" / "shard=6" / "part-5.parquet"
    part.write_bytes(part.read_bytes()[:-10])
    shards.append(Shard(8, 8, "M", "V"))
    assert finished_now(tmp_path, shards) == {1, 7}


def test_shard_of_other_versions_of_photographs_is_not_finished(tmp_path: Path) -> None:
    for number, versions in ((1, "V"), (2, "W"), (3, "")):
        write_shard(tmp_path, number)
        files = ledger.shard_manifest(number, str(tmp_path))
        ledger.write_mark(str(tmp_path), replace(mark(number), versions=versions, files=files))

    assert finished_now(tmp_path, [Shard(number, 8, "M", "V") for number in (1, 2, 3)]) == {1, 3}


def test_marks_of_an_earlier_version_are_completed(tmp_path: Path) -> None:
    write_shard(tmp_path, 1)
    ledger.write_mark(str(tmp_path), mark(1))

    ledger.complete_marks([Shard(1, 8, "M", "V")], ledger.read_marks(str(tmp_path)), str(tmp_path))

    (completed,) = ledger.read_marks(str(tmp_path)).values()
    assert completed.versions == "V"
    assert completed.files is not None
    assert {path: written.rows for path, written in completed.files.items()} == {
        "features/shard=1/part-3.parquet": 3,
        "features/shard=1/part-5.parquet": 5,
    }


def test_files_of_no_shard_are_removed(tmp_path: Path) -> None:
    write_shard(tmp_path, 1)
    strays = [tmp_path / "features" / name / "part-3.parquet" for name in ("shard=1 (copy)", "shard=01", "old")]
    for stray in strays:
        stray.parent.mkdir()
        stray.write_bytes(b"")
    (tmp_path / "rejects.parquet").write_bytes(b"")

    ledger.remove_leftovers({1}, {}, str(tmp_path))

    assert not any(stray.exists() for stray in strays)
    assert len([*(tmp_path / "features" / "shard=1").iterdir()]) == 2
    assert (tmp_path / "rejects.parquet").exists()


def test_leftovers_are_removed_and_finished_shards_kept(tmp_path: Path) -> None:
    for number in (1, 2):
        ledger.write_mark(str(tmp_path), mark(number))
    for number in (1, 2, 3):
        (tmp_path / "features" / f"shard={number}").mkdir(parents=True)
        (tmp_path / "rejects" / f"shard={number}").mkdir(parents=True)
    (tmp_path / "features" / ".spark-staging-1234" / "shard=3").mkdir(parents=True)
    (tmp_path / "_staging" / "extracted-5678" / "_temporary").mkdir(parents=True)
    (tmp_path / "_staging" / "training_set-9").mkdir()
    assert ledger.remove_leftovers({1}, ledger.read_marks(str(tmp_path)), str(tmp_path)) == 1
    assert sorted(path.name for path in (tmp_path / "features").iterdir()) == ["_shards", "shard=1"]
    assert [path.name for path in (tmp_path / "rejects").iterdir()] == ["shard=1"]
    assert [path.name for path in (tmp_path / "_staging").iterdir()] == ["training_set-9"]
    assert list(ledger.read_marks(str(tmp_path))) == [1]


def test_waves_have_one_shard_per_task_and_enough_images() -> None:
    large = [Shard(i, 4096, "") for i in range(7)]
    assert numbers(cut_into_waves(large, lambda: 3)) == [(3, [0, 1, 2]), (3, [3, 4, 5]), (3, [6])]
    small = [Shard(i, 100, "") for i in range(7)]
    assert numbers(cut_into_waves(small, lambda: 1)) == [(1, [0, 1]), (1, [2, 3]), (1, [4, 5]), (1, [6])]
    assert numbers(cut_into_waves([], lambda: 4)) == []


def test_waves_grow_with_the_cluster() -> None:
    sizes = iter([1, 2, 4])
    shards = [Shard(i, 4096, "") for i in range(6)]
    assert numbers(cut_into_waves(shards, lambda: next(sizes))) == [(1, [0]), (2, [1, 2]), (4, [3, 4, 5])]


def numbers(waves: Iterator[tuple[int, list[Shard]]]) -> list[tuple[int, list[int]]]:
    return [(tasks, [shard.number for shard in wave]) for tasks, wave in waves]


def test_totals_add_up_over_shards() -> None:
    counts, seconds = ledger.totals([mark(1), mark(2, features=5, rejects={"missing": 2, "empty": 1})])
    assert counts == {"images": 16, "features": 13, "rejects": 3, "rejects: missing": 2, "rejects: empty": 1}
    assert seconds == {"reading": 1.0, "decoding": 2.0, "computing": 4.0, "writing": 0.5}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"shard": 2, "members": "M"', b"\0" * 300, b'{"shard": "two"}'])
def test_damaged_mark_is_a_shard_that_is_missing(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        ledger.write_mark(str(tmp_path), mark(number))
        ledger.write_failure(str(tmp_path), number, "why")
    (tmp_path / "features" / "_shards" / "00002.json").write_bytes(content)
    (tmp_path / "features" / "_failed" / "00002.json").write_bytes(content)
    (tmp_path / "features" / "_shards" / "00003.json.5f.unfinished").write_bytes(content)

    assert ledger.read_marks(str(tmp_path)) == {1: mark(1)}
    assert ledger.read_failures(str(tmp_path)) == {1: "why"}
    assert [message.split(" is ")[0] for message in caplog.messages] == [
        f"{tmp_path}/features/{folder}/00002.json" for folder in ("_shards", "_failed")
    ]
