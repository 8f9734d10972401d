"""Where a table's header is: titles, dates and licences may come before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from streetdeciles.csv_tables.table import CsvTable
from streetdeciles.csv_tables.workbook import MAX_HEADER_ROW
from streetdeciles.sources.coded_columns import is_coded
from streetdeciles.sources.layout import Layout


def with_header(table: CsvTable, layout_of: Callable[[Sequence[str]], Layout | None]) -> CsvTable:
    """The table with the first of its rows that has outcomes, by `layout_of`, or codes of columns as its header.

    If there is none, its header is the first row that `layout_of` knows at all. The table stays as it is if there is
    none of these either, or if it has several files.
    """
    if len(table.files) > 1 or is_coded(table.header):
        return table
    (file,) = table.files
    below = islice(table.rows(), MAX_HEADER_ROW)
    rows = [(file.header_row, table.header)]
    rows += [(row, tuple(" ".join(cell.split()) for cell in cells)) for _, row, cells in below]
    known = [(row, header, layout) for row, header in rows if (layout := layout_of(header)) or is_coded(header)]
    if not known:
        return table
    with_outcomes = (line for line in known if is_coded(line[1]) or (line[2] and line[2].outcomes))
    row, header, _ = next(with_outcomes, known[0])
    return replace(table, header=header, files=(replace(file, header_row=row),))
