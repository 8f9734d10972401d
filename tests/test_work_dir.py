"""The run's folder before the run, and a disk that is full."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from small_run import SmallRun
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.full_disk import full_disk_explained
from streetdeciles.lock import locked
from streetdeciles.work_dir import create_work_dir


def test_missing_folders_are_made_and_left_empty(tmp_path: Path) -> None:
    create_work_dir(str(tmp_path / "a" / "b"))

    assert [*(tmp_path / "a" / "b").iterdir()] == []


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/streetdeciles", "/sys/out", "x" * 300])
def test_impossible_work_dir_is_refused(place: str, small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    (small_run.folder / "file").write_text("mine")
    small_run.set(work_dir=place)

    assert small_run.main("run") == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert f"work_dir {small_run.folder / place}: nothing can be written there (" in line
    assert (small_run.folder / "file").read_text() == "mine"


def test_store_that_cannot_be_reached_is_refused(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def exists(store: MemoryFileSystem, path: str, **options: object) -> bool:
        raise TimeoutError(f"no answer for {path}")

    monkeypatch.setattr(MemoryFileSystem, "exists", exists)
    small_run.set(work_dir="memory://bucket/run")
    assert small_run.main("run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: work_dir memory://bucket/run: nothing can be written there (no answer for ")


def test_what_killed_runs_left_is_removed_by_the_run_that_holds_the_lock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for left in ("training_set-1/part.parquet", "models[1]-2/a.keras", "weights-3.npz", "whatever"):
        (tmp_path / "_staging" / left).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "_staging" / left).write_bytes(bytes(500_000))
    for left in ("run_log/labels.json.12ab.unfinished", "features/_shards/00001.json.12ab.unfinished"):
        (tmp_path / left).parent.mkdir(parents=True)
        (tmp_path / left).touch()
    kept = ["_cache/prediction_parts/00.json", "_cache/training_checkpoints/round-0.npz", "run_log/labels.json"]
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    with caplog.at_level(logging.INFO), locked(str(tmp_path)):
        actual = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
        assert sorted(actual) == sorted([*kept, "run.lock"])
        assert f"{tmp_path}/_staging: removed 2.0 MB that an earlier run had not finished" in caplog.messages
        (tmp_path / "_staging").mkdir()
        with pytest.raises(RunRefused), locked(str(tmp_path)):
            pass
        assert (tmp_path / "_staging").exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Job aborted.\nCaused by: java.io.IOException: No space left on device\n\tat java.base/java.io"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
    ],
)
def test_full_disk_says_how_much_is_free_and_where(error: Exception, tmp_path: Path) -> None:
    wrapped = RunFailed("a shard failed")
    wrapped.__cause__ = error
    expected = rf"the disk is full: {tmp_path}/out has \d+\.\d of \d+\.\d GB free, .*; make room"
    with pytest.raises(RunFailed, match=expected), full_disk_explained(str(tmp_path / "out")):
        raise wrapped


def test_full_disk_names_the_file_where_that_is_known(tmp_path: Path) -> None:
    with (
        pytest.raises(RunFailed, match=rf"the disk is full: {tmp_path}/table has .* free; make room"),
        full_disk_explained(str(tmp_path)),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "table"))


def test_full_disk_of_an_executor_is_not_taken_for_one_of_this_machine(tmp_path: Path) -> None:
    text = (
        "Job aborted due to stage failure: Lost task 0.3 in stage 2.0 (TID 7) (10.0.0.2 executor 1): "
        "java.io.IOException: No space left on device"
    )
    with (
        pytest.raises(RunFailed, match=rf"that of executor 1 on 10\.0\.0\.2 .*, or {tmp_path} has .* free; make room"),
        full_disk_explained(str(tmp_path)),
    ):
        raise RuntimeError(text)


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another"), full_disk_explained(str(tmp_path)):
        raise ValueError("another")


def test_run_at_the_limit_of_a_file_s_size_says_so(small_run: SmallRun) -> None:
    """In place of a small disk, which only root can make."""
    program = (
        "import resource, sys; from streetdeciles.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "labels", "--config", str(small_run.config)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)

    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "a file may not become larger (file system or ulimit, ulimit -f allows 0.0 MB): " in line
    assert f"{small_run.work_dir} has " in line
    assert "Traceback" not in done.stderr


def test_store_that_spark_cannot_write_to_is_refused_before_any_work(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run.set(work_dir="memory://store/run")

    assert small_run.main("run", "--to", "labels") == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "work_dir memory://store/run: Spark cannot write there (" in line
    assert 'No FileSystem for scheme "memory"' in line
    assert "give Spark the store's connector and credentials" in line
