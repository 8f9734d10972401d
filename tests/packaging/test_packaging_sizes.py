"""Modules have one subject, and functions fit on a screen, so they are short."""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MAX_LINES_PER_MODULE = 250
MAX_LINES_PER_FUNCTION = 45


def modules() -> list[Path]:
    paths = [path for folder in ("lib", "jobs", "examples") for path in (REPOSITORY / folder).rglob("*.py")]
    return [path for path in paths if "tests" not in path.parts[len(REPOSITORY.parts) :]]


def test_modules_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert lines
    assert {path: n for path, n in lines.items() if n > MAX_LINES_PER_MODULE} == {}


def test_functions_fit_on_a_screen() -> None:
    lines = {
        f"{path}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert lines
    assert {function: n for function, n in lines.items() if n > MAX_LINES_PER_FUNCTION} == {}
