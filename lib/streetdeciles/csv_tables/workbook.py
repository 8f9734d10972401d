"""The sheets of a spreadsheet's workbook (xlsx, ods), with the cells as the texts that a CSV file would hold."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from streetdeciles import storage
from streetdeciles.errors import RunRefused

MAX_HEADER_ROW = 30
"""Titles and notes may come before a sheet's header, but not more rows than these."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of the workbook at `uri`. Empty rows are counted, so that a row has the number that a user sees."""

    uri: str
    name: str
    cells: tuple[tuple[str, ...], ...]

    def first_rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Number and cells of the rows that may be the header."""
        return ((row, cells) for row, cells in islice(enumerate(self.cells, 1), MAX_HEADER_ROW) if any(cells))


@dataclass(frozen=True)
class SheetTable:
    """A table in a sheet, read as `table.CsvTable` is."""

    uri: str
    header: tuple[str, ...]
    sheet: Sheet
    header_row: int

    def rows(self) -> Iterator[tuple[str, int, list[str]]]:
        """The sheet, the number and the cells of each row below the header that is not blank."""
        where = f"{self.uri}, sheet {self.sheet.name!r}"
        for row, cells in enumerate(self.sheet.cells, 1):
            if row > self.header_row and any(cells):
                yield where, row, list(cells)


def read_sheets(uri: str) -> list[Sheet]:
    """The sheets that hold anything, in their order; RunRefused where the workbook cannot be read."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(storage.read_bytes(uri)))
        tables = [(name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names]
    except (python_calamine.CalamineError, ValueError) as error:
        raise RunRefused(f"{uri}: cannot be read as a workbook ({error}); save the sheet as CSV UTF-8") from error
    sheets = [Sheet(uri, name, tuple(tuple(map(_text, row)) for row in rows)) for name, rows in tables]
    return [sheet for sheet in sheets if any(map(any, sheet.cells))]


def _text(value: object) -> str:
    """The cell as CSV has it: whole numbers without a point, no powers of ten, one blank between words."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return np.format_float_positional(value, trim="-")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return " ".join(str(value).split())
