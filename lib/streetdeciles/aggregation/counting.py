"""Counts of the predictions of single units, from which the deciles of every level follow: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streetdeciles.aggregation.quantiles import score_classes, score_edges

Floats = npt.NDArray[np.float64]

HIGH, LOW, SQUARE = 2.0**-20, 2.0**-60, 2.0**-30
"""The values of one unit in the sums of scores (HIGH and LOW) and of their squares (SQUARE)."""


@dataclass(frozen=True)
class UnitCounts:
    """What the methods need of the predictions of one outcome in one region.

    unit: the numbers of the units that have predictions [n], ascending.
    votes: how often each decile is predicted [n, 10].
    score_high, score_low: the sums of the scores, in parts that are worth HIGH and LOW [n].
    score_squares: the sums of the scores' squares, in units of SQUARE [n].
    score_classes: the sums of the scores' classes [n]; NaN if the scores give fewer than ten.
    """

    unit: npt.NDArray[np.int64]
    votes: npt.NDArray[np.int64]
    score_high: Floats
    score_low: Floats
    score_squares: Floats
    score_classes: Floats


def count_units(
    unit: npt.NDArray[np.int32], score: Floats, decile: npt.NDArray[np.int8], *, with_score_classes: bool
) -> UnitCounts:
    """Count predictions [rows], in any order."""
    import pandas as pd

    scaled = score / HIGH
    high = np.rint(scaled)
    # Scores are added as whole numbers, so that their order does not matter.
    parts = {"high": high, "low": np.rint((scaled - high) * (HIGH / LOW)), "squares": np.rint(score * score / SQUARE)}
    sums = pd.DataFrame(parts, dtype=np.int64).groupby(unit).sum()
    units = sums.index.to_numpy(np.int64)
    number = np.zeros(units[-1] + 1, np.int64)
    number[units] = np.arange(len(units))
    votes = np.bincount(number[unit] * 10 + (decile - 1), minlength=10 * len(units)).reshape(-1, 10)
    edges = score_edges(score) if with_score_classes else None
    classes = np.full(len(units), np.nan)
    if edges is not None:
        classes = np.bincount(number[unit], score_classes(score, edges), minlength=len(units))
    high, low, squares = (sums[name].to_numpy(np.float64) for name in parts)
    return UnitCounts(units, votes, high, low, squares, classes)
