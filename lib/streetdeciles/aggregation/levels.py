"""The levels that locations carry, and the deciles of their areas from counts of units: arrays in, Arrow out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.aggregation.counting import HIGH, LOW, SQUARE, Floats, UnitCounts
from streetdeciles.aggregation.deciles import deciles_by_method
from streetdeciles.methods import AGGREGATION_METHODS, AREA, DISTRICT, MSOA, OA

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

COLUMN_OF_LEVEL = {AREA: "area_id", OA: "oa", MSOA: "msoa", DISTRICT: "district"}
"""The column of `locations` that names the areas of a level."""

COUNTS = tuple(f"n_{decile}" for decile in range(1, 11))

LEVEL_KINDS = {
    **dict.fromkeys(("region", "level", "area_id", "outcome"), "string"),
    **dict.fromkeys(("n_locations", *COUNTS), "bigint"),
    **dict.fromkeys(("mean_score", "score_se", *AGGREGATION_METHODS), "double"),
}
"""The columns of `aggregate_level`, and their types in Spark."""

NO_LEVEL = "none"
"""The level of the row that counts the predictions of unknown locations."""


@dataclass(frozen=True)
class Level:
    """The areas of a level: `area_ids` in the order of their region and code, and the area of each unit, or -1."""

    name: str
    area_ids: pa.Array
    area_of_unit: npt.NDArray[np.int64]


def find_levels(units: pd.DataFrame) -> Iterator[Level]:
    """Each level that some unit has.

    `units` has `region` and the columns of COLUMN_OF_LEVEL, null where a unit lacks a level; row i is unit i.
    """
    import pyarrow as pa

    for level, column in COLUMN_OF_LEVEL.items():
        has_level = units[column].notna().to_numpy()
        if has_level.any():
            codes = units.loc[has_level].groupby(["region", column], sort=True).ngroup().to_numpy()
            area_of_unit = np.full(len(units), -1)
            area_of_unit[has_level] = codes
            first = np.unique(codes, return_index=True)[1]
            yield Level(level, pa.array(units.loc[has_level, column].to_numpy()[first], pa.string()), area_of_unit)


def aggregate_level(level: Level, counts: UnitCounts, *, region: str, outcome: str) -> pa.RecordBatch:
    """One row for each area of the level that has predictions, with the columns of LEVEL_KINDS."""
    import pyarrow as pa

    area = level.area_of_unit[counts.unit]
    has_area = area >= 0
    areas, number = np.unique(area[has_area], return_inverse=True)

    def total(of_unit: Floats) -> Floats:
        return np.asarray(np.bincount(number, of_unit[has_area], minlength=len(areas)), np.float64)

    votes = np.stack([total(of_decile.astype(np.float64)) for of_decile in counts.votes.T], axis=1).astype(np.int64)
    n = votes.sum(axis=1)
    mean_score = (total(counts.score_high) * HIGH + total(counts.score_low) * LOW) / n
    deciles = deciles_by_method(votes, mean_score, total(counts.score_classes) / n)
    texts = {"region": region, "level": level.name, "outcome": outcome}
    columns = {
        **{name: pa.repeat(pa.scalar(text, pa.string()), len(areas)) for name, text in texts.items()},
        "area_id": level.area_ids.take(pa.array(areas)),
        "n_locations": n,
        "mean_score": mean_score,
        "score_se": standard_errors(n.astype(np.float64), mean_score, total(counts.score_squares) * SQUARE),
        **dict(zip(COUNTS, votes.T, strict=True)),
        **deciles,
    }
    return pa.RecordBatch.from_arrays([pa.array(columns[name]) for name in LEVEL_KINDS], names=[*LEVEL_KINDS])


def standard_errors(n: Floats, mean_score: Floats, squares: Floats) -> Floats:
    """The standard error of each mean of `n` scores, whose squares add up to `squares`; NaN for a single score."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.maximum(squares - n * mean_score**2, 0) / (n - 1)
    return np.where(n > 1, np.sqrt(variance / n), np.nan)


def unknown_locations(outcome: str, n: int) -> pa.RecordBatch:
    """One row of LEVEL_KINDS that counts `n` predictions of locations that are not in the table locations."""
    import pyarrow as pa

    values: dict[str, str | int] = {"level": NO_LEVEL, "outcome": outcome, "n_locations": n}
    kinds = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}
    arrays = [pa.array([values.get(name)], kinds[kind]) for name, kind in LEVEL_KINDS.items()]
    return pa.RecordBatch.from_arrays(arrays, names=[*LEVEL_KINDS])
