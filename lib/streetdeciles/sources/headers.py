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
    """The table with the first of its rows that `layout_of` knows, or that has codes of columns, as its header.

    As it is where none of the first rows is that, or where it has several files.
    """
    if len(table.files) > 1 or _is_header(table.header, layout_of):
        return table
    for _, row, cells in islice(table.rows(), MAX_HEADER_ROW):
        header = tuple(" ".join(cell.split()) for cell in cells)
        if _is_header(header, layout_of):
            return replace(table, header=header, files=(replace(table.files[0], header_row=row),))
    return table


def _is_header(header: Sequence[str], layout_of: Callable[[Sequence[str]], Layout | None]) -> bool:
    layout = layout_of(header)
    return is_coded(header) or (layout is not None and bool(layout.outcomes))
