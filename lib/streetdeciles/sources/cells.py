"""Numbers as statistics offices print them, and the signs that they print instead of one."""

from __future__ import annotations

import re
from math import nan

SUPPRESSED = frozenset({"..", "...", "-", "–", "—", "*", ":", "[c]", "[u]", "[x]", "[z]", "[low]"})
"""In place of a value that is not published. Each is a missing value."""

NUMBER = re.compile(r"[+-]?((\d+|\d{1,3}(,\d{3})+)(\.\d*)?|\.\d+)([eE]-\d{1,3})?")
"""A number, perhaps with thousands separators, or as programs write small shares: 9.6e-05.

Large numbers with an exponent, such as 1.2E+05, have been through a spreadsheet that rounded them."""

_UNITS = "£$€ "


def number(text: str) -> float | None:
    """The number that a cell prints, NaN where it is empty or suppressed; None where the cell is not a number.

    A currency sign before it and a percent sign after it are left out: 12.5% is 12.5.
    """
    if text.isdecimal():
        return float(text)
    if not text or text.casefold() in SUPPRESSED:
        return nan
    bare = text.removesuffix("%").strip() if text.endswith("%") else text.lstrip(_UNITS)
    return float(bare.replace(",", "")) if NUMBER.fullmatch(bare) else None
