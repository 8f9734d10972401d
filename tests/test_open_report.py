"""`run --open`: the report opens in the browser that there is; without one, its place is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from config_files import run_config
from streetdeciles.cli import main
from streetdeciles.cli.opening import open_report


@pytest.fixture(autouse=True)
def without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_open_without_a_browser_says_where_the_report_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.html").write_text("<p>report")
    open_report(run_config(tmp_path))
    assert f"no browser on this machine; copy {tmp_path}/report.html" in capsys.readouterr().out.replace("\n", "")


def test_open_starts_the_browser_with_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    folder = tmp_path / "a run"
    folder.mkdir()
    (folder / "report.html").write_text("<p>report")
    open_report(run_config(folder))
    assert (tmp_path / "opened").read_text().strip() == (folder / "report.html").as_uri()
    assert capsys.readouterr().out == ""


def test_open_of_a_run_without_a_report_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_report(run_config(tmp_path))
    assert "this run has no report" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--to", "dataset"], ["--only", "labels"], ["--dry-run"]])
def test_open_needs_a_run_up_to_the_report(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--open", "--config", "none.yaml", *options]) == 2
    assert "--open needs a run up to the report" in capsys.readouterr().err
