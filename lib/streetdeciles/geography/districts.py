"""The districts of areas that are named after them."""

from __future__ import annotations

import re

_NUMBERED_NAME = r"(.+?) \d{3}[A-Z]"
"""LSOAs are named after their district, e.g. `Bury 021A`."""


def named_district(name: str) -> str | None:
    """The district in an area's name, or None.

    >>> named_district("Bury 021A"), named_district("Old Town")
    ('Bury', None)
    """
    match = re.fullmatch(_NUMBERED_NAME, name)
    return match.group(1) if match else None
