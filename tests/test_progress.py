"""How far a piece of work is, as a bar and as lines in a log."""

from __future__ import annotations

import json
import logging
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from streetdeciles import progress
from streetdeciles.progress_file import progress_file


def test_a_log_line_tells_amount_rate_time_left_and_the_last_remark(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = iter([0.0, 4.0, 12.0, 13.0, 20.0, 21.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    with caplog.at_level(logging.INFO, "streetdeciles"), progress._lines("training", 100, "rows") as advance:
        advance(20, "epoch 1")
        advance(10)
        advance(10, "epoch 2")
        advance(20, left_out=40)
        advance(0)
    assert [record.getMessage() for record in caplog.records] == [
        "training: 30/100 rows, 2.5 rows/s, 28 s left, epoch 1",
        "training: 60/60 rows, 3.0 rows/s, 0 s left, epoch 2",
    ]


def test_a_bar_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with progress._bar("training", 100, "rows") as advance:
        advance(20, "epoch 1")
        advance(40, left_out=40)
    assert re.search(r"training .* 60/60 [\d.]+ rows/s .*epoch 1", " ".join(capsys.readouterr().err.split()))


def test_progress_file_says_where_a_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streetdeciles.progress_file.WRITE_EVERY_S", 0.0)
    uri = tmp_path / "logs" / "progress.json"
    with progress_file(str(tmp_path), 9) as file:
        file.stage("features", 3)
        with progress.progress("features", 100, unit="images") as advance:
            advance(20)
            advance(30, left_out=10)
        state = json.loads(uri.read_text())
    assert {key: state[key] for key in ("state", "stage", "stage_number", "stages", "done", "total", "unit")} == {
        "state": "running",
        "stage": "features",
        "stage_number": 3,
        "stages": 9,
        "done": 50,
        "total": 90,
        "unit": "images",
    }
    assert json.loads(uri.read_text())["state"] == "done"
    numbers = dict(re.findall(r"^streetdeciles_(\w+)\{.*\} (\S+)$", uri.with_suffix(".prom").read_text(), re.MULTILINE))
    assert (numbers["done"], numbers["total"], numbers["running"], numbers["failed"]) == ("50", "90", "0", "0")


def test_progress_file_of_a_run_that_lives_is_never_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most stages have nothing to count."""
    monkeypatch.setattr("streetdeciles.progress_file.BEAT_S", 0.05)
    path = tmp_path / "logs" / "progress.json"
    with progress_file(str(tmp_path), 9) as file:
        file.stage("labels", 1)
        first = path.stat().st_ino, path.stat().st_mtime_ns
        until = time.monotonic() + 20
        while (path.stat().st_ino, path.stat().st_mtime_ns) == first:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert json.loads(path.read_text())["state"] == "done"
    time.sleep(0.2)
    assert json.loads(path.read_text())["state"] == "done"


def test_progress_file_of_a_failed_run_says_so(tmp_path: Path) -> None:
    with suppress(ValueError), progress_file(str(tmp_path), 9) as file:
        file.stage("labels", 1)
        raise ValueError("x")
    assert json.loads((tmp_path / "logs" / "progress.json").read_text())["state"] == "failed"
