"""docs/security.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_tests_named_in_the_threat_model_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", (REPOSITORY / "docs" / "security.md").read_text())
    assert len(named) > 15
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []
