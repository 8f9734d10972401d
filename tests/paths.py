"""Where the tests' data is."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"
DEMO_CITY = Path(__file__).parents[1] / "examples" / "demo_city" / "data"
REPOSITORY = Path(__file__).parents[1]
DOCS = Path(__file__).parents[1] / "docs"
