"""What a work_dir remembers, and when a stage counts as done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config_files import write_config
from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.run_log import StageReport


def load(tmp_path: Path, values: dict[str, Any]) -> RunConfig:
    return load_config(str(write_config(tmp_path, values)))


def test_fingerprint_follows_settings_and_seed(tmp_path: Path, values: dict[str, Any]) -> None:
    def labels(changed: dict[str, Any] | None = None) -> str:
        return run_log.fingerprint(load(tmp_path, values | (changed or {})), "labels")

    first = labels()
    assert labels() == first
    assert labels({"training": {"epochs": 3}}) == first
    assert labels({"spark": {"master": "local[1]"}}) == first
    assert labels({"seed": 5}) != first
    assert labels({"labels": {**values["labels"], "regions": {"bury": ["Bolton"]}}}) != first


def test_report_is_read_back_until_forgotten(tmp_path: Path) -> None:
    report = StageReport("labels", {"locations": 3}, ["a note"], 1.5)
    run_log.record(str(tmp_path), report, "abc")

    assert run_log.finished(str(tmp_path), "labels") == (report, "abc")
    run_log.forget(str(tmp_path), "labels")
    assert run_log.finished(str(tmp_path), "labels") is None


def test_another_config_in_the_same_work_dir_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    run_log.save_config(load(tmp_path, values))
    run_log.refuse_other_config(load(tmp_path, values | {"spark": {"master": "local[1]"}}))
    changed = load(tmp_path, values | {"training": {"epochs": 3}})

    with pytest.raises(
        RunRefused, match=r"training\.epochs was 50, is 3.*or accept the change: streetdeciles run --force"
    ):
        run_log.refuse_other_config(changed)

    previous = run_log.save_config(changed)
    run_log.refuse_other_config(changed)
    run_log.restore_config(changed.work_dir, previous)
    with pytest.raises(RunRefused):
        run_log.refuse_other_config(changed)


def test_mark_that_is_cut_anywhere_is_a_stage_that_is_not_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_log.record(str(tmp_path), StageReport("labels", {"locations": 3}, ["a note"], 1.5), "abc")
    path = tmp_path / "run_log" / "labels.json"
    whole = path.read_bytes().rstrip()

    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert run_log.finished(str(tmp_path), "labels") is None
    assert len(caplog.messages) == len(whole)
    assert all(message.startswith(f"{path} is ") for message in caplog.messages)


@pytest.mark.parametrize("content", [b"", b'{"seed": 1', b"[]", b"\0" * 100])
def test_damaged_config_of_a_run_is_written_again(content: bytes, tmp_path: Path, values: dict[str, Any]) -> None:
    config = load(tmp_path, values)
    run_log.save_config(config)
    saved_at = Path(config.work_dir) / "config.json"
    whole = saved_at.read_bytes()
    saved_at.write_bytes(content)

    run_log.refuse_other_config(config)
    run_log.save_config(config)

    assert saved_at.read_bytes() == whole
