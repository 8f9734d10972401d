"""What `make audit` makes of pip-audit's answers."""

from __future__ import annotations

import json
from typing import Any

from audit import UNKNOWN, verdict


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


CLEAN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1)"}
WEAK = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


def test_vulnerability_is_named_with_its_fix() -> None:
    lines, code = verdict("cpu.lock", answer(CLEAN, WEAK), "")
    assert lines == ["cpu.lock: c 2: PYSEC-1, fixed in 2.1", "cpu.lock: 2 packages audited, 1 known vulnerabilities"]
    assert code == 1


def test_package_that_was_not_audited_is_named() -> None:
    lines, code = verdict("cpu.lock", answer(CLEAN, SKIPPED), "")
    assert lines == ["cpu.lock: 1 packages audited, 0 known vulnerabilities; not audited: b"]
    assert code == 0


def test_audit_without_data_says_so_and_fails() -> None:
    for output, errors in ((answer(SKIPPED), ""), ("", "ERROR: Could not connect to PyPI's vulnerability feed")):
        (line,), code = verdict("cpu.lock", output, errors)
        assert "could not reach its data" in line
        assert code == UNKNOWN
