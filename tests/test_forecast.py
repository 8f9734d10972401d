"""A large run's time and storage follow from the marks of a small one."""

from __future__ import annotations

from pathlib import Path

import pytest

from config_files import config_values, write_config
from streetdeciles import run_log
from streetdeciles.cli import main
from streetdeciles.config_file import load_config
from streetdeciles.features import ledger
from streetdeciles.forecast import START_S, forecast
from streetdeciles.manifests import WrittenFile
from streetdeciles.stages import STAGE_NAMES


def small_run_of(folder: Path, stages: tuple[str, ...] = STAGE_NAMES) -> Path:
    """A config whose run has 100 photographs in two shards, each 5 s of a device, one after the other within 12 s.

    It took 14 s in features, and in each other stage 10 s more than that takes to start.
    """
    for name in ("table.csv", "locations.csv"):
        (folder / name).write_text("x\n")
    (folder / "photographs").mkdir()
    path = write_config(folder, config_values("out", labels={"regions": {"bury": ["Bury"]}}, images={"shard_size": 50}))
    for name in stages:
        files = {f"{name}.parquet": WrittenFile(1000, "")} if name != "features" else {}
        seconds = 14.0 if name == "features" else START_S[name] + 10.0
        run_log.write_mark(str(folder / "out"), run_log.Mark(name, {}, [], seconds, "", files=files))
    for number in range(2):
        mark = ledger.Mark(number, "", {}, 50, 50, {}, {}, "", started=100.0 + 6 * number, ended=106.0 + 6 * number)
        seconds = {"computing": 4.0, "reading": 1.0}
        files = {f"features/shard={number}/a.parquet": WrittenFile(5000, "")}
        ledger.write_mark(str(folder / "out"), ledger.replace(mark, device_seconds=seconds, files=files))
    return path


def test_plan_scales_time_storage_and_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small_run_of(tmp_path)
    arguments = ["plan", "--config", str(config), "--photographs", "36000", "--gpus", "4", "--hourly-price", "2"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    rows = {cells[0]: cells[1:] for line in said.splitlines() if len(cells := line.replace("│", " ").split()) == 3}
    # 360 times as many photographs: 3,600 s in each stage, and 4 s + 10 s x 360 / 4 in features.
    assert rows["training"] == ["1.00", "0.00"]
    assert rows["features"] == ["0.25", "0.00"]
    hours = 8 + (4 + 900 + sum(START_S.values())) / 3600
    assert rows["all"] == [f"{hours:.2f}", "0.01"]
    assert "36,000 photographs in 720 shards, from a run of 100" in said
    assert "made 10.0 features/s" in said
    assert f"price: {2 * hours:.2f}" in said
    assert "plan again from a larger run" in said


def test_start_of_a_stage_does_not_grow(tmp_path: Path) -> None:
    """As of a run that took no longer than stages take to start: ten times as many photographs add to features only."""
    config = small_run_of(tmp_path)
    for name in STAGE_NAMES:
        seconds = 14.0 if name == "features" else START_S[name] - 0.5
        run_log.write_mark(str(tmp_path / "out"), run_log.Mark(name, {}, [], seconds, ""))
    large = {one.stage: one.seconds for one in forecast(load_config(str(config), stages=()), 1000, devices=1).stages}
    assert large.pop("features") == 4.0 + 10 * 10.0
    assert large == {name: start_s - 0.5 for name, start_s in START_S.items()}


def test_plan_without_a_finished_run_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small_run_of(tmp_path, STAGE_NAMES[:-2])
    assert main(["plan", "--config", str(config), "--photographs", "10"]) == 2
    assert "missing: evaluation, report" in capsys.readouterr().err
