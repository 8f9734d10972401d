"""Run configs for tests: as values, as a checked config, and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from streetdeciles.config import RunConfig


def config_values(work_dir: Path | str, **sections: Any) -> dict[str, Any]:
    """The values of a small valid config, with the keys of `sections` in place of its own; None removes a key."""
    values: dict[str, Any] = {
        "work_dir": str(work_dir),
        "labels": {
            "tables": [{"path": "table.csv"}],
            "regions": {"town": "all"},
            "locations": "locations.csv",
        },
        "images": {"folder": "photographs"},
        "dataset": {"outcomes": ["imd"]},
    }
    for name, changes in sections.items():
        if isinstance(changes, dict):
            section = values.get(name, {}) | changes
            values[name] = {key: value for key, value in section.items() if value is not None}
        elif changes is None:
            values.pop(name, None)
        else:
            values[name] = changes
    return values


def run_config(work_dir: Path | str, **sections: Any) -> RunConfig:
    """A config of `config_values`, whose inputs need not exist; relative paths stay relative."""
    from streetdeciles.config import RunConfig

    return RunConfig.model_validate(config_values(work_dir, **sections))


def write_config(folder: Path, values: Any) -> Path:
    """Write the values, or a text as it is, as `<folder>/run.yaml`."""
    path = folder / "run.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values, allow_unicode=True))
    return path


def load_values(folder: Path, values: Any) -> RunConfig:
    """The config of these values, written to `<folder>/run.yaml` and loaded."""
    from streetdeciles.config_file import load_config

    return load_config(str(write_config(folder, values)))


def refusal(folder: Path, values: Any) -> str:
    """The one line with which these values are refused."""
    import pytest

    from streetdeciles.errors import RunRefused

    with pytest.raises(RunRefused) as refused:
        load_values(folder, values)
    assert "\n" not in str(refused.value)
    return str(refused.value)
