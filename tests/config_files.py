"""Configs as files, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_config(folder: Path, values: Any) -> Path:
    """Write the values, or a text as it is, as `<folder>/run.yaml`."""
    path = folder / "run.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return path
