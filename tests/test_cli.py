"""The command line as a user meets it: exit codes, and one line for each mistake."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config_files import write_config
from paths import DATA
from streetdeciles.cli import main
from streetdeciles.cli.options import path_here
from streetdeciles.stages import STAGE_NAMES


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def streetdeciles(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs a command in this process, with the tests' Spark session if there is one."""

    def run(*arguments: str | Path) -> Done:
        capsys.readouterr()
        try:
            code = main([*map(str, arguments)])
        except SystemExit as left:
            code = int(left.code or 0)
        return Done(code, *capsys.readouterr())

    return run


def write_inputs(folder: Path, values: dict[str, Any]) -> None:
    """Inputs that a run would take: a published table, one location and its four photographs."""
    values["labels"]["tables"][0]["path"] = str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv")
    values["labels"]["regions"] = {"westminster": ["Westminster"]}
    (folder / "locations.csv").write_text("location_id,area_id\n7,E01004734\n")
    for view in range(4):
        shutil.copy(DATA / "photos" / "lund_01.jpg", folder / "photographs" / f"7_{view}.jpg")


def test_cli_dry_run_shows_the_plan_and_writes_nothing(
    streetdeciles: Callable[..., Done], tmp_path: Path, values: dict[str, Any]
) -> None:
    done = streetdeciles("run", "--config", write_config(tmp_path, values), "--from", "dataset", "--dry-run", "--force")

    assert done.returncode == 2
    assert "stage labels must run first (not done yet): streetdeciles run --from labels --to report" in done.stderr

    values["features"] = {"weights": "random:1"}
    write_inputs(tmp_path, values)
    done = streetdeciles("run", "--config", write_config(tmp_path, values), "--dry-run")

    assert done.returncode == 0
    assert [name for name in STAGE_NAMES if name in done.stdout] == list(STAGE_NAMES)
    assert not (tmp_path / "out").exists()


def test_cli_refuses_a_bad_config_in_one_line(tmp_path: Path, values: dict[str, Any]) -> None:
    """As a process, as a user starts it."""
    command = [sys.executable, "-m", "streetdeciles", "run", "--config"]
    config = write_config(tmp_path, values | {"trainning": {}})
    done = subprocess.run([*command, config], capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "error: " in done.stderr
    assert "trainning: unknown key; did you mean training?" in done.stderr


def test_cli_refuses_an_unknown_stage_and_names_the_known(
    streetdeciles: Callable[..., Done], tmp_path: Path, values: dict[str, Any]
) -> None:
    done = streetdeciles("run", "--config", write_config(tmp_path, values), "--only", "mapping")

    assert done.returncode == 2
    assert "invalid choice: 'mapping'" in done.stderr
    assert "aggregation" in done.stderr


@pytest.fixture
def bad_column(tmp_path: Path, values: dict[str, Any]) -> Path:
    """A config whose table lacks the column of its outcome."""
    source = DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"
    lines = source.read_text(encoding="utf-8-sig").splitlines()[:30]
    (tmp_path / "locations.csv").write_text("location_id,area_id\n1,E01000001\n")
    (tmp_path / "table.csv").write_text(
        "\n".join([lines[0].replace("Deprivation (IMD) Rank", "Deprivation"), *lines[1:]])
    )
    return write_config(tmp_path, values)


def test_cli_refuses_in_one_line_and_keeps_the_trace_in_the_log(
    streetdeciles: Callable[..., Done], bad_column: Path
) -> None:
    done = streetdeciles("labels", "--config", bad_column)

    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1
    assert "none of labels.tables has the outcome 'imd'; known: imd_income" in errors[0]
    assert "Traceback" not in done.stderr
    assert "Traceback" in (bad_column.parent / "out" / "logs" / "run.log").read_text()


def test_cli_refuses_an_empty_folder_of_photographs_in_one_line(
    streetdeciles: Callable[..., Done], tmp_path: Path, values: dict[str, Any], spark: object
) -> None:
    done = streetdeciles("images", "--config", write_config(tmp_path, values))

    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1
    assert str(tmp_path / "photographs") in errors[0]


def test_cli_indexes_photographs_and_says_so(
    streetdeciles: Callable[..., Done], tmp_path: Path, values: dict[str, Any], spark: object
) -> None:
    for view in range(4):
        shutil.copy(DATA / "photos" / "lund_01.jpg", tmp_path / "photographs" / f"7_{view}.jpg")
    config = write_config(tmp_path, values)

    first, second = streetdeciles("images", "--config", config), streetdeciles("images", "--config", config)

    assert first.returncode == 0, first.stderr
    assert "1 location in 1 shard" in first.stdout
    assert second.returncode == 0, second.stderr
    assert "images is up to date" in second.stdout


def test_options_take_paths_on_this_machine_however_they_are_written(tmp_path: Path) -> None:
    assert path_here("a b/c.csv") == Path("a b/c.csv")
    assert path_here("dbfs:/Volumes/main/streets/out") == Path("/Volumes/main/streets/out")
    assert path_here(f"file:{tmp_path}/x") == tmp_path / "x"


@pytest.mark.parametrize("command", ["export --config x.yaml", "models export --config x.yaml", "compare a b", "init"])
def test_store_is_refused_where_a_local_path_is_needed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Not made as a folder called `s3:`."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main([*command.split(), "--out", "s3://me:planted-password@bucket/x.csv"])
    assert "s3://me:***@bucket/x.csv: expected a path on this machine" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
