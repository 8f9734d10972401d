"""docs/architecture.md shows the layers of imports that import-linter checks."""

from __future__ import annotations

import re
from pathlib import Path

import tomllib

REPOSITORY = Path(__file__).parents[2]


def names_in(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,:()|│]+", text) if name]


def test_architecture_has_every_module_in_its_layer() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    checked = [names_in(layer) for layer in settings["tool"]["importlinter"]["contracts"][0]["layers"]]
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = page.split("## Who may import whom")[1].split("```")[1].split("►")
    place = {name: number for number, layer in enumerate(shown) for name in names_in(layer)}
    places = [[place.pop(name) for name in sorted(layer) if name != "__main__"] for layer in checked]
    assert [*place] == ["jobs"]
    ordered = [number for layer in places for number in sorted(layer)]
    assert ordered == sorted(ordered)
