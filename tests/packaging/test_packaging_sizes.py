"""Modules have one subject, so they are short."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MAX_LINES_PER_MODULE = 250


def modules() -> list[Path]:
    paths = [path for folder in ("lib", "jobs", "examples") for path in (REPOSITORY / folder).rglob("*.py")]
    return [path for path in paths if "tests" not in path.parts[len(REPOSITORY.parts) :]]


def test_modules_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert lines
    assert {path: n for path, n in lines.items() if n > MAX_LINES_PER_MODULE} == {}
