"""Counts of the smallest units, added up for every level that the locations carry: frames in, frames out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.aggregation.deciles import deciles_by_method
from streetdeciles.methods import AREA, DISTRICT, MSOA, OA

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

COLUMN_OF_LEVEL = {AREA: "area_id", OA: "oa", MSOA: "msoa", DISTRICT: "district"}
"""The column of `locations` that names the units of a level."""

COUNTS = tuple(f"n_{decile}" for decile in range(1, 11))
HIGH, LOW, SQUARE = 2.0**-20, 2.0**-60, 2.0**-30
"""What a unit of the sums of scores, and of their squares, is worth."""


def aggregate_levels(units: pd.DataFrame, counts: pd.DataFrame, n_groups: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each level that some unit has, and its rows: `region`, `area_id`, `group_number`, `n_locations`, `mean_score`,
    `score_se`, COUNTS and a decile by each method.

    Args:
        units: `unit` (0, 1, … in order), `region` and the columns of COLUMN_OF_LEVEL, null where a unit lacks a level.
        counts: one row per unit and group, sorted, with the columns of `unit_counts.sql`.
        n_groups: one more than the largest `group_number`.
    """
    for level, column in COLUMN_OF_LEVEL.items():
        has_level = units[units[column].notna()]
        if len(has_level):
            yield level, _aggregate(has_level[["unit", "region", column]], column, counts, n_groups)


def _aggregate(units: pd.DataFrame, column: str, counts: pd.DataFrame, n_groups: int) -> pd.DataFrame:
    import pandas as pd

    names = units[["region", column]].drop_duplicates().sort_values(["region", column], ignore_index=True)
    target_of_unit = np.full(int(units["unit"].max()) + 1, -1)
    target_of_unit[units["unit"]] = units.merge(names.reset_index(names="target"), how="left")["target"]
    unit = counts["unit"].to_numpy()
    target = np.where(unit < len(target_of_unit), target_of_unit[np.minimum(unit, len(target_of_unit) - 1)], -1)
    is_member = target >= 0
    key = target[is_member] * n_groups + counts["group_number"].to_numpy()[is_member]
    rows, number = np.unique(key, return_inverse=True)

    def total(name: str) -> Floats:
        values = counts[name].to_numpy(np.float64)[is_member]
        return np.asarray(np.bincount(number, values, minlength=len(rows)), np.float64)

    n = total("n_locations")
    votes = np.stack([total(name) for name in COUNTS], axis=1).astype(np.int64)
    mean_score = (total("score_high") * HIGH + total("score_low") * LOW) / n
    frame = names.iloc[rows // n_groups].reset_index(drop=True).rename(columns={column: "area_id"})
    frame = frame.assign(group_number=rows % n_groups, n_locations=n.astype(np.int64), mean_score=mean_score)
    frame["score_se"] = standard_errors(n, mean_score, total("score_squares") * SQUARE)
    deciles = deciles_by_method(votes, mean_score, total("score_deciles") / n)
    parts = [frame, pd.DataFrame(votes, columns=[*COUNTS]), pd.DataFrame(dict(deciles))]
    whole: pd.DataFrame = pd.concat(parts, axis=1)
    return whole


def standard_errors(n: Floats, mean_score: Floats, squares: Floats) -> Floats:
    """The standard error of each mean of `n` scores, whose squares add up to `squares`; NaN for a single score."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.maximum(squares - n * mean_score**2, 0) / (n - 1)
    return np.where(n > 1, np.sqrt(variance / n), np.nan)
