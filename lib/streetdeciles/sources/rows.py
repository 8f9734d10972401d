"""The rows of a published table that are of areas; footnotes, and rows of other kinds of areas, are counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from streetdeciles.errors import NotUtf8, RunRefused
from streetdeciles.ids.spelling import normalise_list
from streetdeciles.sources.opening import SourceTable, reopen

_WITH_DIGIT = re.compile(r"\S*\d\S*")
_AREA_CODE = re.compile(r"[A-Za-z]\d{8}")


@dataclass
class AreaRows:
    """The cells of the columns that are read, one list for each; `where` has file and row of each area."""

    codes: list[str] = field(default_factory=list)
    where: list[tuple[str, int]] = field(default_factory=list)
    cells: dict[str, list[str]] = field(default_factory=dict)
    n_notes: int = 0
    n_other_kinds: int = 0


def area_rows(source: SourceTable) -> AreaRows:
    """RunRefused where a row has no code, has more or fewer fields than the header, or repeats an area."""
    try:
        rows = _read(source)
    except NotUtf8 as error:
        rows = _read(reopen(source, error))
    rows.codes = normalise_list(rows.codes, upper=True)
    if not rows.codes:
        raise RunRefused(f"{source.path}: {_why_empty(source, rows)}")
    row_of: dict[str, int] = {}
    for i, code in enumerate(rows.codes):
        if code in row_of:
            file, row = rows.where[row_of[code]]
            again_in, again = rows.where[i]
            again_at = again if again_in == file else f"{again} of {again_in}"
            raise RunRefused(
                f"{file}: area {code} appears twice, in rows {row} and {again_at}; expected one row per area"
            )
        row_of[code] = i
    return rows


def _read(source: SourceTable) -> AreaRows:
    layout, header = source.layout, source.table.header
    columns = layout.columns()
    indices = [header.index(column) for column in columns]
    pick = itemgetter(*indices) if len(indices) > 1 else lambda cells: (cells[indices[0]],)
    code_at = header.index(layout.area_id)
    rows = AreaRows()
    kept: list[tuple[str, ...]] = []
    is_first = True
    for file, row, raw in source.table.rows():
        cells = [" ".join(cell.split()) for cell in raw]
        is_description = is_first and layout.has_descriptions and not any(cells[code_at : code_at + 1])
        is_first = False
        if not any(cells) or is_description:
            continue
        if _is_note(cells, len(header), code_at):
            rows.n_notes += 1
            continue
        cells = _as_long_as(header, cells, file, row)
        code = cells[code_at]
        if layout.has_labels:
            code = _split_label(cells, code_at, header.index(layout.area_name or layout.area_id))
        if not code:
            raise RunRefused(f"{file}, row {row}: column '{layout.area_id}' is empty; expected an area's code")
        if not _is_area(source, header, cells, code):
            rows.n_other_kinds += 1
            continue
        rows.codes.append(code)
        rows.where.append((file, row))
        kept.append(pick(cells))
    by_column = zip(*kept, strict=True) if kept else ([] for _ in columns)
    rows.cells = {column: [*cells] for column, cells in zip(columns, by_column, strict=True)}
    return rows


def _split_label(cells: list[str], code_at: int, label_at: int) -> str:
    """The area's code; its cell `label_at`, `E01000001 : Bury 001A` or `lsoa2011:Bury 001A`, becomes the name alone."""
    code, _, name = cells[label_at].partition(":")
    if _AREA_CODE.fullmatch(code.strip()) and label_at == code_at:
        cells[label_at] = name.strip()
        return code.strip()
    area_code = cells[code_at]
    cells[label_at] = name.strip() or cells[label_at]
    return area_code or cells[label_at]


def _is_note(cells: Sequence[str], n_columns: int, code_at: int) -> bool:
    """Whether a row is a text below or above the areas: one cell of words, or words with commas that nobody quoted."""
    texts = [cell for cell in cells if cell]
    if len(texts) == 1 and n_columns > 1:
        return _WITH_DIGIT.fullmatch(texts[0]) is None
    codes = [*cells[:1], *cells[code_at : code_at + 1]]
    return len(cells) != n_columns and not any(map(_WITH_DIGIT.fullmatch, codes))


def _as_long_as(header: Sequence[str], cells: list[str], file: str, row: int) -> list[str]:
    """The cells without blank ones at the end that have no column, or with those that the row leaves out."""
    n = len(header)
    if any(cells[n:]) or any(header[len(cells) :]):
        raise RunRefused(f"{file}, row {row}: has {len(cells)} fields where the header has {n}")
    return cells[:n] + [""] * (n - len(cells))


def _is_area(source: SourceTable, header: Sequence[str], cells: Sequence[str], code: str) -> bool:
    layout = source.layout
    if layout.area_kind is not None:
        column, kind = layout.area_kind
        return cells[header.index(column)].casefold() == kind.casefold()
    return not layout.area_prefixes or code.upper().startswith(layout.area_prefixes)


def _why_empty(source: SourceTable, rows: AreaRows) -> str:
    if not rows.n_other_kinds:
        return "holds a header and no areas; download the table again"
    layout = source.layout
    expected = f"'{layout.area_kind[0]}' {layout.area_kind[1]}" if layout.area_kind else "codes that begin with "
    return (
        f"holds {rows.n_other_kinds} rows, and none is of an LSOA ({expected}{', '.join(layout.area_prefixes)}); "
        "download the table for LSOAs, with their codes, or describe this one with labels.tables[].columns"
    )
