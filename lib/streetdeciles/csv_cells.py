"""Cells of the CSV files that a run writes: a spreadsheet must not run a name from outside as a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")


def write_rows(file: TextIO, rows: Iterable[Iterable[object]]) -> None:
    """Rows as CSV, with an apostrophe before each text that a spreadsheet would take for a formula."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)


def safe_cell(cell: object) -> object:
    """`'=1+1` for the text `=1+1`; numbers, also those in texts, stay as they are."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def text_of_cell(cell: str) -> str:
    """The text from which `safe_cell` made the cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
