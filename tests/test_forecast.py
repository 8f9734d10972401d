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
    """A config whose run has 100 photographs in two waves of a shard, each 5 s of a device within 6 s.

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
    output = capsys.readouterr().out
    rows = {cells[0]: cells[1:] for line in output.splitlines() if len(cells := line.replace("│", " ").split()) == 3}
    # 360 times as many photographs: 3,600 s in each stage, and 3 s + 10 s x 360 / 4 in features. There a wave has three
    # shards of 50 for each of four tasks, so there are 60 waves, and each but the first adds 1 s.
    assert rows["training"] == ["1.00", "0.00"]
    assert rows["features"] == ["0.27", "0.00"]
    hours = 8 + (3 + 900 + 59 + sum(START_S.values())) / 3600
    assert rows["all"] == [f"{hours:.2f}", "0.01"]
    assert "36,000 photographs in 720 shards, from a run of 100" in output
    assert "computed 10.0 features/s" in output
    assert f"price: {2 * hours:.2f}" in output
    assert "shuffle: 0.00 GB in the stage dataset" in output
    assert "2 GB of heap and 4 GB of overhead for each task of the stage features" in output
    assert "8 GB for the driver" in output
    assert "plan again from a larger run" in output


def test_start_of_a_stage_does_not_grow(tmp_path: Path) -> None:
    """As of a run that took no longer than stages take to start: ten times as many photographs add to features only."""
    config = small_run_of(tmp_path)
    for name in STAGE_NAMES:
        seconds = 14.0 if name == "features" else START_S[name] - 0.5
        run_log.write_mark(str(tmp_path / "out"), run_log.Mark(name, {}, [], seconds, ""))
    large = {one.stage: one.seconds for one in forecast(load_config(str(config), stages=()), 1000, devices=1).stages}
    assert large.pop("features") == 3.0 + 10 * 10.0 + 6 * 1.0
    assert large == {name: start_s - 0.5 for name, start_s in START_S.items()}


def test_plan_without_a_finished_run_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small_run_of(tmp_path, STAGE_NAMES[:-2])
    assert main(["plan", "--config", str(config), "--photographs", "10"]) == 2
    assert "missing: evaluation, report" in capsys.readouterr().err


def test_interruption_of_the_small_run_is_not_planned_again(tmp_path: Path) -> None:
    """Its second wave began an hour later, and the stage says what only the last command took."""
    config = small_run_of(tmp_path)
    work_dir = str(tmp_path / "out")
    late = ledger.replace(ledger.read_marks(work_dir)[1], started=3706.0, ended=3712.0)
    ledger.write_mark(work_dir, late)
    run_log.write_mark(work_dir, run_log.Mark("features", {}, [], 12.0, ""))
    large = {one.stage: one.seconds for one in forecast(load_config(str(config), stages=()), 1000, devices=1).stages}
    assert large["features"] == 10 * 10.0 + 7 * 2.0 - 2.0


def test_plan_of_another_config_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small_run_of(tmp_path)
    run_log.save_config(load_config(str(config)))
    config.write_text(config.read_text() + "seed: 99\n")
    assert main(["plan", "--config", str(config), "--photographs", "10"]) == 2
    assert "holds a run with another config (seed was " in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ("--gpus", "0"),
        ("--gpus", "-1"),
        ("--gpus", "1" + 400 * "0"),
        ("--photographs", "0"),
        ("--photographs", "1" + 400 * "0"),
        ("--hourly-price", "nan"),
        ("--hourly-price", "inf"),
        ("--hourly-price", "1e308"),
        ("--hourly-price", "-2"),
    ],
    ids=lambda option: " ".join(option)[:30],
)
def test_plan_refuses_numbers_that_make_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    config = small_run_of(tmp_path)
    assert main(["plan", "--config", str(config), "--photographs", "10", *options]) == 2
    output = capsys.readouterr().err
    assert output.startswith("error: plan: ")
    assert options[0] in output


def test_plan_of_one_photograph_is_worded_in_the_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small_run_of(tmp_path)
    assert main(["plan", "--config", str(config), "--photographs", "1"]) == 0
    output = capsys.readouterr().out
    assert "1 photograph in 1 shard, from a run of 100" in output
    assert "here 1 such device works" in output
