"""docs/config.md holds every key of a config, as the code has it."""

from __future__ import annotations

import runpy

from paths import DOCS
from streetdeciles.config import RunConfig

REFERENCE = runpy.run_path(str(DOCS / "config_reference.py"))


def test_config_reference_is_up_to_date() -> None:
    written = (DOCS / "config.md").read_text(encoding="utf-8")

    assert written == REFERENCE["page"](), "write it again: make config-doc"


def test_config_reference_explains_every_key() -> None:
    sections = [name for name in RunConfig.model_fields if name not in ("work_dir", "seed")]
    rows = [line.split(" | ") for line in REFERENCE["page"]().splitlines() if line.startswith("| `")]
    keys = [row[0].strip("| `") for row in rows]

    assert [key for key, row in zip(keys, rows, strict=True) if row[-1].strip(" |") == ""] == []
    assert {key.split(".")[0] for key in keys} == {"work_dir", "seed", *sections}
    assert "labels.tables[].columns.outcomes.<name>.higher_is" in keys


def test_config_reference_says_what_changes_results() -> None:
    rows = {
        line.split("`")[1]: line.split(" | ") for line in REFERENCE["page"]().splitlines() if line.startswith("| `")
    }

    assert rows["features.batch_size"][1:4] == ["whole number (≥ 1, ≤ 4,096) or `auto`", '`"auto"`', "no"]
    assert rows["dataset.outcomes"][1:4] == ["list of texts (at least 1)", "**required**", "yes"]
    assert rows["spark.master"][3] == "no"
