"""Digests of settings: equal for equal values, in every process and on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any

DIGITS = 16


def settings_digest(**values: Any) -> str:
    """Sixteen hexadecimal digits that follow from `values`, which JSON must be able to hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:DIGITS]
