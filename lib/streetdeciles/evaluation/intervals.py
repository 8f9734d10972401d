"""Intervals of deciles that contain a promised share of the true ones: split conformal prediction over areas."""

from __future__ import annotations

from math import ceil

import numpy as np
import numpy.typing as npt

COVERAGE = 0.8
"""The share of areas whose interval contains their decile."""

MIN_OWN_ERRORS = 50
"""Areas with few locations have intervals of their own width if the errors of at least this many of them are known."""

ROUNDING = 1e-9

Floats = npt.NDArray[np.float64]


def conformal_intervals(
    predicted: Floats, true: Floats, part: npt.NDArray[np.int64], few: npt.NDArray[np.bool_], coverage: float = COVERAGE
) -> tuple[Floats, Floats]:
    """The lowest and the highest decile of the interval of each area [n]; NaN where too few errors are known.

    An interval is the whole deciles within a distance of the prediction. The distance for the areas of a part is a
    quantile of the absolute errors of the areas of all other parts: the smallest that at least `coverage` of the n
    errors, and of one more, do not exceed (Lei et al. 2018). If areas are exchangeable, i.e. an area of this part could
    just as well have been drawn into another, at least `coverage` of the intervals contain the true decile, whatever
    the model. That holds for areas drawn at random from the same region. It is not promised for another city, nor for
    each kind of area: only areas with few locations are treated apart, where at least MIN_OWN_ERRORS are known. Between
    parts that are folds the models differ too; folds of one run learn alike, so the share is met nearly, not exactly.

    Args:
        predicted: not necessarily whole; the more distinct values, the closer the share is to `coverage`.
        true: whole deciles, NaN if not known.
        part: the areas with the same number do not decide each other's intervals.
        few: areas with few locations.
    """
    errors = np.abs(true - predicted)
    is_known = ~np.isnan(errors)
    distance = np.full(len(predicted), np.nan)
    for number in np.unique(part):
        is_here, is_elsewhere = part == number, is_known & (part != number)
        distance[is_here] = _quantile(errors[is_elsewhere], coverage)
        for is_kind in (few, ~few):
            if np.count_nonzero(is_elsewhere & is_kind) >= MIN_OWN_ERRORS:
                distance[is_here & is_kind] = _quantile(errors[is_elsewhere & is_kind], coverage)
    low = np.maximum(1, np.ceil(predicted - distance - ROUNDING))
    high = np.minimum(10, np.floor(predicted + distance + ROUNDING))
    nearest = np.where(low > high, np.clip(np.rint(predicted), 1, 10), np.nan)  # no whole decile is that near
    return np.where(low > high, nearest, low), np.where(low > high, nearest, high)


def random_parts(n_areas: int, parts: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """A part for each area, all of nearly the same size, where no folds divide the areas."""
    return np.asarray(random.permutation(np.arange(n_areas) % parts), np.int64)


def _quantile(errors: Floats, coverage: float) -> float:
    rank = ceil(coverage * (len(errors) + 1) - ROUNDING)
    return float(np.partition(errors, rank - 1)[rank - 1]) if 0 < rank <= len(errors) else np.nan
