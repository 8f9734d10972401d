"""What a work_dir remembers, and when a stage counts as done."""

from __future__ import annotations

import os
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


def test_fingerprint_follows_settings_seed_inputs_and_upstream(tmp_path: Path, values: dict[str, Any]) -> None:
    def labels(changed: dict[str, Any] | None = None, upstream: dict[str, str] | None = None) -> str:
        return run_log.fingerprint(load(tmp_path, values | (changed or {})), "labels", upstream or {})

    first = labels()
    assert labels() == first
    assert labels({"training": {"epochs": 3}}) == first
    assert labels({"spark": {"master": "local[1]"}}) == first
    assert labels({"seed": 5}) != first
    assert labels(upstream={"images": "x"}) != first
    os.utime(tmp_path / "table.csv", (1, 1))
    assert labels() != first


def test_new_photograph_changes_the_fingerprint_of_images(tmp_path: Path, values: dict[str, Any]) -> None:
    nested = tmp_path / "photographs" / "a"
    nested.mkdir()
    os.utime(nested, (1, 1))
    config = load(tmp_path, values)
    before = run_log.fingerprint(config, "images", {})

    (nested / "1_0.jpg").write_bytes(b"")

    assert run_log.fingerprint(config, "images", {}) != before


def test_report_is_read_back_until_forgotten(tmp_path: Path) -> None:
    report = StageReport("labels", {"locations": 3}, ["a note"], 1.5)
    run_log.record(str(tmp_path), report, "abc")

    assert run_log.finished(str(tmp_path), "labels") == (report, "abc")
    run_log.forget(str(tmp_path), "labels")
    assert run_log.finished(str(tmp_path), "labels") is None


def test_another_config_in_the_same_work_dir_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    run_log.claim_work_dir(load(tmp_path, values), force=False)
    run_log.claim_work_dir(load(tmp_path, values | {"spark": {"master": "local[1]"}}), force=False)
    changed = load(tmp_path, values | {"training": {"epochs": 3}})

    with pytest.raises(RunRefused, match=r"training\.epochs was 50, is 3.*another work_dir, or --force"):
        run_log.claim_work_dir(changed, force=False)

    run_log.claim_work_dir(changed, force=True)
    run_log.claim_work_dir(changed, force=False)
