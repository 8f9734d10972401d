"""Columns called by codes (`QS302EW0001`), as in the bulk files of the Census 2011, and the table that describes them.

The table of codes (`QS302EWDESC0.CSV`) has the columns `ColumnVariableCode`, `ColumnVariableMeasurementUnit` and
`ColumnVariableDescription` (Office for National Statistics, Census 2011 bulk data).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from streetdeciles import storage
from streetdeciles.csv_tables.table import CsvTable, open_parts
from streetdeciles.errors import RunRefused

_CODE = re.compile(r"[A-Z]{2}\d{3,4}[A-Z]{2,3}\d{4}", re.IGNORECASE)
_CODES, _UNITS, _DESCRIPTIONS = "columnvariablecode", "columnvariablemeasurementunit", "columnvariabledescription"

Part = tuple[str, str | None]
"""URI of a file and, in a zip archive, its name there."""


def is_code(column: str) -> bool:
    return _CODE.fullmatch(column) is not None


def is_coded(header: Sequence[str]) -> bool:
    """Whether columns have codes instead of descriptions."""
    return any(map(is_code, header))


def with_descriptions(table: CsvTable, parts: Iterable[Part]) -> CsvTable:
    """The table with the descriptions of its coded columns as its header, where one of the files `parts` has them.

    Columns of percentages keep their codes: they are described as the counts are.
    """
    if not is_coded(table.header):
        return table
    for described in _tables_of_codes(parts):
        columns = {column.casefold(): i for i, column in enumerate(described.header)}
        names = {
            cells[columns[_CODES]].strip().casefold(): " ".join(cells[columns[_DESCRIPTIONS]].split())
            for _, _, cells in described.rows()
            if len(cells) == len(columns) and cells[columns.get(_UNITS, 0)].strip().casefold() != "percentage"
        }
        if any(column.casefold() in names for column in table.header):
            return replace(table, header=tuple(names.get(column.casefold(), column) for column in table.header))
    return table


def files_beside(uri: str) -> list[Part]:
    """The CSV files in the folder of the file at `uri`."""
    fs, path = storage.filesystem(uri)
    parent = path.rpartition("/")[0]
    names = [entry.rstrip("/").rpartition("/")[2] for entry in fs.ls(parent or "/", detail=False)]
    folder = uri.rstrip("/").rpartition("/")[0]
    return [(f"{folder}/{name}", None) for name in sorted(names) if name.casefold().endswith(".csv")]


def _tables_of_codes(parts: Iterable[Part]) -> Iterator[CsvTable]:
    for uri, member in parts:
        try:
            table = open_parts(uri, [(uri, member)])
        except (RunRefused, OSError):  # another file
            continue
        if {_CODES, _DESCRIPTIONS} <= {column.casefold() for column in table.header}:
            yield table
