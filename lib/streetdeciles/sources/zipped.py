"""Zip archives of several tables, as Nomis gives them: one per kind of area, and documents beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from streetdeciles.csv_tables.table import CsvTable, open_parts
from streetdeciles.errors import RunRefused
from streetdeciles.sources.coded_columns import with_descriptions
from streetdeciles.sources.headers import with_header
from streetdeciles.sources.layout import Layout

ROWS_LOOKED_AT = 100


def open_zipped(path: str, names: Sequence[str], layout_of: Callable[[Sequence[str]], Layout | None]) -> CsvTable:
    """The one table with areas among the files `names` of the archive; RunRefused where there is none, or several."""
    tables = {}
    for name in names:
        try:
            table = with_header(open_parts(path, [(path, name)]), layout_of)
        except RunRefused:  # a document
            continue
        table = with_descriptions(table, [(path, other) for other in names])
        layout = layout_of(table.header)
        if layout is not None and layout.outcomes and _has_areas(table, layout):
            tables[name] = table
    if len(tables) == 1:
        return next(iter(tables.values()))
    if tables:
        raise RunRefused(
            f"{path}: several of its files are tables ({', '.join(tables)}); unpack the archive, and list them in "
            "labels.tables"
        )
    raise RunRefused(
        f"{path}: none of its files ({', '.join(names)}) is a table that is recognised by its columns and has LSOAs; "
        "unpack the archive, and describe the table with labels.tables[].columns (docs/data.md)"
    )


def _has_areas(table: CsvTable, layout: Layout) -> bool:
    """Whether there are areas among the first rows: each file has areas of one kind."""
    if not layout.area_prefixes:
        return True
    code_index = table.header.index(layout.area_id)
    rows = islice(table.rows(), ROWS_LOOKED_AT)
    return any(
        cells[code_index].strip().upper().startswith(layout.area_prefixes)
        for _, _, cells in rows
        if len(cells) > code_index
    )
