"""Where the data of tests stands."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"
