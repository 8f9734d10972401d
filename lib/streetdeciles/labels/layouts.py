"""The layouts in which statistics offices publish their tables, by name, and reading a table in one of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_list

if TYPE_CHECKING:
    import pandas as pd

AREA_COLUMNS = ("area_id", "area_name", "district_code", "district_name")
CODE_COLUMNS = ("area_id", "district_code")

NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
"""A number as tables print it, perhaps with thousands separators."""


@dataclass(frozen=True)
class OutcomeColumn:
    """The column of a published table that holds an outcome's values."""

    header: str
    source: str
    higher_is: Literal["better", "worse"]
    """`better`: the lowest values are decile 1, the most deprived. `worse`: the highest are."""


@dataclass(frozen=True)
class Layout:
    """Headers of a published CSV table: those of AREA_COLUMNS, in their order, and of each outcome."""

    area_headers: tuple[str, str, str, str]
    outcomes: Mapping[str, OutcomeColumn]


def _iod2019_rank(domain: str, *, header: str = "{} Rank (where 1 is most deprived)") -> OutcomeColumn:
    return OutcomeColumn(header.format(domain), "English Indices of Deprivation 2019", higher_is="better")


_LSOA_2011 = (
    "LSOA code (2011)",
    "LSOA name (2011)",
    "Local Authority District code (2019)",
    "Local Authority District name (2019)",
)
_IMD = "Index of Multiple Deprivation (IMD)"

LAYOUTS: dict[str, Layout] = {
    "iod2019_file_1": Layout(_LSOA_2011, {"imd": _iod2019_rank(_IMD, header="{} Rank")}),
    "iod2019_file_7": Layout(
        _LSOA_2011,
        {
            "imd": _iod2019_rank(_IMD),
            "imd_income": _iod2019_rank("Income"),
            "imd_employment": _iod2019_rank("Employment"),
            "imd_education": _iod2019_rank("Education, Skills and Training"),
            "imd_health": _iod2019_rank("Health Deprivation and Disability"),
            "imd_crime": _iod2019_rank("Crime"),
            "imd_housing": _iod2019_rank("Barriers to Housing and Services"),
            "imd_living_environment": _iod2019_rank("Living Environment"),
        },
    ),
}


def read_layout(name: str, path: str) -> pd.DataFrame:
    """The table at `path` as `read_published` has it; RunRefused where one of the layout's outcomes is unfit."""
    areas, unfit = read_published(name, path)
    for why in unfit.values():
        raise RunRefused(why)
    return areas


def read_published(name: str, path: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table at `path`, which is in the layout `name`: one row per area; and the outcomes that it lacks, with why.

    Columns: AREA_COLUMNS (strings), then one float64 column for each outcome of the layout; NaN where the
    table has no value. RunRefused names the file, and the row and column, of what is not as published. Where that is an
    outcome's column it is left out instead: nobody may need it.
    """
    import pandas as pd

    layout = LAYOUTS.get(name)
    if layout is None:
        raise RunRefused(f"layout {name}: unknown; the known ones are {', '.join(LAYOUTS)}")
    table = open_table(path)
    areas = dict(zip(AREA_COLUMNS, layout.area_headers, strict=True))
    area_places = {column: _place_of(name, path, text, table.header) for column, text in areas.items()}
    row_of_area: dict[str, tuple[str, int]] = {}
    cells_of: list[list[str]] = []
    for file, row, cells in _read_rows(table):
        area_id = cells[area_places["area_id"]]
        if not area_id:
            raise RunRefused(f"{file}, row {row}: column '{areas['area_id']}' is empty; expected an area's code")
        if area_id in row_of_area:
            first_file, first_row = row_of_area[area_id]
            again = row if file == first_file else f"{row} of {file}"
            raise RunRefused(
                f"{first_file}: area {area_id} appears twice, in rows {first_row} and {again}; "
                "expected one row per area"
            )
        row_of_area[area_id] = file, row
        cells_of.append(cells)
    if not row_of_area:
        raise RunRefused(f"{path}: holds a header and no areas; download the table again")
    values: dict[str, list[str] | list[float]] = {
        column: [cells[place] for cells in cells_of] for column, place in area_places.items()
    }
    unfit: dict[str, str] = {}
    for outcome, column in layout.outcomes.items():
        try:
            place = _place_of(name, path, column.header, table.header)
            rows = zip(row_of_area.values(), cells_of, strict=True)
            values[outcome] = [_number(file, row, column.header, cells[place]) for (file, row), cells in rows]
        except RunRefused as error:
            unfit[outcome] = str(error)
    return _with_one_spelling(pd.DataFrame(values), path), unfit


def _with_one_spelling(areas: pd.DataFrame, path: str) -> pd.DataFrame:
    """The table with its codes and names normalised; RunRefused where two codes become one."""
    for column in AREA_COLUMNS:
        areas[column] = normalise_list(areas[column].tolist(), upper=column in CODE_COLUMNS)
    again = areas.loc[areas["area_id"].duplicated(), "area_id"].tolist()
    if again:
        raise RunRefused(f"{path}: area {again[0]} appears twice in different spellings; expected one row per area")
    return areas


def check_headers(name: str, path: str, asked: Collection[str]) -> None:
    """RunRefused where the table at `path` lacks a column of the layout, or of one of its outcomes that are `asked`."""
    layout = LAYOUTS[name]
    header = open_table(path).header
    asked_columns = [column.header for outcome, column in layout.outcomes.items() if outcome in asked]
    for column in [*layout.area_headers, *asked_columns]:
        _place_of(name, path, column, header)


def _read_rows(table: CsvTable) -> Iterator[tuple[str, int, list[str]]]:
    """File, number and cells of each row that has any, as long as the header, with single blanks only."""
    for file, row, cells in table.rows():
        stripped = [" ".join(cell.split()) for cell in cells]
        if not any(stripped):
            continue
        if len(stripped) != len(table.header):
            raise RunRefused(f"{file}, row {row}: has {len(stripped)} fields where the header has {len(table.header)}")
        yield file, row, stripped


def _place_of(layout: str, path: str, expected: str, header: tuple[str, ...]) -> int:
    if header.count(expected) != 1:
        there = "appears twice" if expected in header else "is not there"
        raise RunRefused(
            f"{path}: column '{expected}' of the layout {layout} {there}; "
            f"the columns are {', '.join(repr(column) for column in header)}"
        )
    return header.index(expected)


def _number(file: str, row: int, column: str, text: str) -> float:
    if not text:
        return float("nan")
    if not NUMBER.fullmatch(text):
        raise RunRefused(f"{file}, row {row}, column '{column}': expected a number, got {text!r:.80}")
    return float(text.replace(",", ""))
