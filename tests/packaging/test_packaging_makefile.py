"""The Makefile's targets, without running what they run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def test_make_alone_lists_every_target_and_what_it_does() -> None:
    listed = dict(re.findall(r"^  make (\S+) +(\S.+)$", make(), flags=re.MULTILINE))
    assert set(listed) == {
        "help",
        "demo",
        "london",
        "sample",
        "test",
        "test-whole",
        "test-cluster",
        "test-browser",
        "test-compare",
        "test-spark4",
        "test-runtimes",
        "soak",
        "check",
        "bench",
        "bench-table",
        "config-doc",
        "screenshots",
        "audit",
        "lock",
        "clean",
    }


def test_demo_makes_the_environment_then_draws_then_runs() -> None:
    environment, draw, run = make("--dry-run", "demo").splitlines()
    assert "deploy/environment.sh cpu" in environment
    assert draw == "PYTHONPATH=examples .venv/bin/python -m demo_city --out output/demo_city"
    assert run.endswith("streetdeciles run --config conf/demo.yaml")


def test_london_invents_published_files_and_runs_its_config() -> None:
    *_, invented, run = make("--dry-run", "london").splitlines()
    assert invented.endswith("published_layouts london_2011 --out output/london_2011")
    assert run.endswith("streetdeciles run --config conf/london_2011.yaml")


def test_sample_runs_the_sample_config() -> None:
    assert make("--dry-run", "sample").splitlines()[-1].endswith("streetdeciles run --config conf/sample.yaml")


def test_check_is_lint_format_types_and_import_contracts() -> None:
    commands = make("--dry-run", "check").splitlines()
    assert "deploy/environment.sh dev" in commands[0]
    assert [command.rsplit("/", maxsplit=1)[-1] for command in commands[1:]] == [
        "python -m ruff check .",
        "python -m ruff format --check .",
        "python -m mypy",
        "lint-imports",
    ]


def test_the_test_targets_leave_no_test_out() -> None:
    markers = [re.search(r'-m pytest .*-m "?([^"]+)"?$', make("--dry-run", name).splitlines()[-1]) for name in _TARGETS]
    assert [marker and marker[1] for marker in markers] == _MARKERS


_TARGETS = ("test", "test-whole", "test-cluster", "test-browser", "test-compare", "test-spark4", "soak")
_SLOW = "whole or cluster or browser or compare or spark4 or soak"
_MARKERS = [
    f"not ({_SLOW})",
    "whole",
    "cluster",
    "browser",
    "compare",
    f"spark4 or spark and not ({_SLOW})",
    "soak",
]
