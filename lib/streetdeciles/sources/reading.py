"""The areas of a published table: codes, names, districts, and the values of its outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, nan
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_list
from streetdeciles.sources.cells import SUPPRESSED, number
from streetdeciles.sources.layout import Layout, OutcomeColumns
from streetdeciles.sources.opening import SourceTable
from streetdeciles.sources.rows import AreaRows, area_rows
from streetdeciles.wording import counted

if TYPE_CHECKING:
    import pandas as pd

AREA_COLUMNS = ("area_id", "area_name", "district_code", "district_name")
NATIONAL = "_national_decile"
"""Ends the name of the column that holds the publisher's decile of an outcome."""


@dataclass(frozen=True)
class AreaTable:
    """One row per area: AREA_COLUMNS (text, None where the table has none), one float64 column per outcome.

    Beside an outcome `imd` there is `imd_national_decile` where the publisher gives that. Values are NaN where the
    table has none.
    """

    areas: pd.DataFrame
    unfit: dict[str, str] = field(default_factory=dict)
    """Outcomes that are not among the columns, because a value is not as published, and why."""
    notes: tuple[str, ...] = ()


def read_source(source: SourceTable) -> AreaTable:
    """The areas of the table; RunRefused names the file, row and column of what is wrong in it.

    What is wrong with an outcome is in `unfit` instead: nobody may need that outcome.
    """
    import pandas as pd

    layout, rows = source.layout, area_rows(source)
    names = (layout.area_name, layout.district_code, layout.district_name)
    columns: dict[str, object] = {"area_id": rows.codes}
    for column, header in zip(AREA_COLUMNS[1:], names, strict=True):
        texts = rows.cells[header] if header else [""] * len(rows.codes)
        columns[column] = [text or None for text in normalise_list(texts, upper=column == "district_code")]
    unfit: dict[str, str] = {}
    for outcome, outcome_columns in layout.outcomes.items():
        try:
            values = {outcome: _values(outcome_columns, layout, rows)}
            if outcome_columns.national_decile is not None:
                values[outcome + NATIONAL] = _integers(rows, outcome_columns.national_decile, "a decile", 10)
            columns |= values
        except RunRefused as error:
            unfit[outcome] = str(error)
    frame = pd.DataFrame(columns).astype(dict.fromkeys(AREA_COLUMNS, object))
    return AreaTable(frame, unfit, tuple(_notes(source, rows)))


def _values(columns: OutcomeColumns, layout: Layout, rows: AreaRows) -> list[float]:
    if columns.denominator is not None:
        return _shares(rows, columns.numerator, columns.denominator)
    (column,) = columns.numerator
    return _integers(rows, column, "a rank", layout.n_ranks) if layout.n_ranks else _numbers(rows, column)


def _numbers(rows: AreaRows, column: str) -> list[float]:
    values = []
    for i, text in enumerate(rows.cells[column]):
        value = number(text)
        if value is None:
            raise _wrong(rows, i, column, "a number", text)
        values.append(value)
    return values


def _integers(rows: AreaRows, column: str, what: str, largest: int) -> list[float]:
    """Whole numbers from 1 to `largest`, or NaN."""
    values = _numbers(rows, column)
    for i, value in enumerate(values):
        if not isnan(value) and not (1 <= value <= largest and value.is_integer()):
            raise _wrong(rows, i, column, f"{what} from 1 to {largest:,}", rows.cells[column][i])
    return values


def _shares(rows: AreaRows, numerator: tuple[str, ...], denominator: str) -> list[float]:
    """Numerators by denominator; NaN where one is missing, or where there is nobody at all."""
    parts = [sum(cells) for cells in zip(*[_numbers(rows, column) for column in numerator], strict=True)]
    wholes = _numbers(rows, denominator)
    shares = []
    for i, (part, whole) in enumerate(zip(parts, wholes, strict=True)):
        if part < 0 or part > whole:
            column = " + ".join(numerator)
            raise _wrong(rows, i, column, f"a part of '{denominator}', which is {whole:g}", f"{part:g}")
        shares.append(part / whole if whole else nan)
    return shares


def _wrong(rows: AreaRows, i: int, column: str, expected: str, text: str) -> RunRefused:
    file, row = rows.where[i]
    return RunRefused(f"{file}, row {row}, column '{column}': expected {expected}, got {text!r:.80}")


def _notes(source: SourceTable, rows: AreaRows) -> list[str]:
    notes = []
    if n := rows.n_other_kinds:
        kinds = counted(n, "row is of another kind of area", "rows are of other kinds of areas")
        notes.append(f"{source.path}: {kinds} than LSOAs, and not used")
    if n := rows.n_notes:
        holding, used = counted(n, "row holds", "rows hold"), "is not used" if n == 1 else "are not used"
        notes.append(f"{source.path}: {holding} text and no area, such as footnotes, and {used}")
    for outcome, outcome_columns in source.layout.outcomes.items():
        columns = [column for column in (*outcome_columns.numerator, outcome_columns.denominator) if column]
        n = sum(text.casefold() in SUPPRESSED for column in columns for text in rows.cells[column])
        if n:
            cells = f"{counted(n, 'cell')} of {outcome} {'holds' if n == 1 else 'hold'}"
            notes.append(f"{source.path}: {cells} a sign such as .. or [c]: no value is published")
    return notes
