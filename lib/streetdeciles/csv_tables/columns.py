"""From records to Arrow columns: with Arrow's parser if every row is as long as the header, else row by row."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from streetdeciles.csv_tables.records import Block, is_blank

if TYPE_CHECKING:
    import pyarrow as pa

MALFORMED = "malformed"
"""The column that says which row has more or fewer fields than the header, and quotes it."""


def columns_of(block: Block, header: Sequence[str], columns: Sequence[str]) -> pa.Table | None:
    """`columns` and MALFORMED (null) of the block; None if a row is not as long as the header."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if block.content.startswith(BOM_UTF8):  # Arrow would drop it, but it is part of the first cell
        return None
    names = [str(i) for i in range(len(header))]
    name_of = {column: names[header.index(column)] for column in columns if column in header}
    try:
        parsed = arrow_csv.read_csv(
            pa.BufferReader(block.content),
            # As one block: where Arrow cuts the data itself, it guesses where records end.
            arrow_csv.ReadOptions(column_names=names, block_size=len(block.content) + 1, use_threads=False),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(
                include_columns=[*name_of.values()],
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    empty = pa.nulls(parsed.num_rows, pa.string())
    arrays = [parsed.column(name_of[column]) if column in name_of else empty for column in columns]
    return pa.table([*arrays, empty], [*columns, MALFORMED])


def columns_of_rows(
    rows: Iterable[tuple[int, list[str]]], header: Sequence[str], columns: Sequence[str], source: str
) -> pa.Table:
    """`columns` and MALFORMED of the numbered rows, without blank rows; a row's missing cells are null.

    MALFORMED begins with `source`.
    """
    import pyarrow as pa

    kept = [(row, cells) for row, cells in rows if not is_blank(cells, len(header))]
    malformed = [
        f"{source}row {row} has {len(cells)} fields where the header has {len(header)}: {_line(cells)}"
        if len(cells) != len(header)
        else None
        for row, cells in kept
    ]
    indices = [header.index(column) if column in header else len(header) for column in columns]
    values = [[cells[i] if i < min(len(cells), len(header)) else None for _, cells in kept] for i in indices]
    arrays = [pa.array(column, pa.string()) for column in [*values, malformed]]
    return pa.table(arrays, [*columns, MALFORMED])


def _line(cells: list[str]) -> str:
    """The row as CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
