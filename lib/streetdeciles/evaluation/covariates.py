"""The user's own columns by area, for the baseline `covariates`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_list

if TYPE_CHECKING:
    import pandas as pd

AREA_ID = "area_id"


def read_covariates(uri: str) -> pd.DataFrame:
    """One float64 column per covariate, NaN where its cell is empty, by `area_id`.

    Raises:
        RunRefused: no column area_id or no other, a cell that is not a number, or an area that appears twice.
    """
    import pandas as pd

    table = open_table(uri)
    names = [name for name in table.header if name != AREA_ID]
    if AREA_ID not in table.header or not names:
        raise RunRefused(
            f"evaluation.covariates: {uri}: expected a column {AREA_ID} and at least one column of numbers, found "
            f"{', '.join(table.header)}"
        )
    position = table.header.index(AREA_ID)
    area_ids, values = [], []
    for file, row, cells in table.rows():
        if len(cells) != len(table.header):
            raise RunRefused(
                f"evaluation.covariates: {file}, row {row}: expected {len(table.header)} cells, found {len(cells)}"
            )
        area_ids.append(cells[position])
        numbers = (cell for i, cell in enumerate(cells) if i != position)
        values.append([_number(cell, file, row, name) for cell, name in zip(numbers, names, strict=True)])
    frame = pd.DataFrame(values, columns=names, index=normalise_list(area_ids, upper=True), dtype="float64")
    if frame.index.has_duplicates:
        twice = frame.index[frame.index.duplicated()][0]
        raise RunRefused(f"evaluation.covariates: {uri}: area {twice} appears twice; expected one row per area")
    return frame


def _number(cell: str, file: str, row: int, name: str) -> float:
    try:
        value = float(cell) if cell.strip() else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise RunRefused(
            f"evaluation.covariates: {file}, row {row}, column '{name}': "
            f"expected a number or nothing, found {cell!r:.80}"
        )
    return value
