"""Labels shuffled over areas, and whether models that learn from them do better than chance: arrays and frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

PERMUTATIONS = 1000
LEVEL = 0.05
"""The probability that chance alone puts at least one of all regions and outcomes above its interval is half of it."""

Floats = npt.NDArray[np.float64]


def shuffle_deciles(
    deciles: npt.NDArray[np.int8], area: npt.NDArray[np.int64], regions: Sequence[str], *, seed: int
) -> npt.NDArray[np.int8]:
    """The deciles [rows, outcomes] with those of whole areas exchanged within each region.

    All locations of an area get the deciles of one other area (or, by chance, its own), of all outcomes alike.

    Args:
        area: the number of each row's area, [rows]; all rows of an area have the same deciles.
        regions: the region of each area.
        seed: decides who exchanges with whom.
    """
    of_area = np.zeros((len(regions), deciles.shape[1]), np.int8)
    of_area[area] = deciles
    source, region = np.arange(len(regions)), np.asarray(regions)
    for number, name in enumerate(sorted(set(regions))):
        members = np.flatnonzero(region == name)
        source[members] = np.random.default_rng([seed, number]).permutation(members)
    shuffled: npt.NDArray[np.int8] = of_area[source][area]
    return shuffled


@dataclass(frozen=True)
class Verdict:
    """How close to chance the predictions of a region and outcome are.

    Spearman's correlation is None if it is not defined; by chance it is between `low` and `high`. `median_mae` is the
    error of the median of the areas that models learn from.
    """

    region: str
    outcome: str
    n: int
    spearman: float | None
    low: float
    high: float
    mae: float
    median_mae: float
    is_above: bool


def judge(areas: pd.DataFrame, *, seed: int) -> list[Verdict]:
    """A verdict for each region and outcome.

    Predictions are above chance if their correlation is above what it is when deciles are permuted within each fold, or
    if their error is clearly below that of the median. The bounds hold for all regions and outcomes together.

    Args:
        areas: `region`, `area_id`, `outcome`, `fold`, `true_decile`, `predicted_decile` and `median`, the prediction of
            the median.
        seed: decides the permutations.
    """
    from scipy.stats import norm

    groups = areas.sort_values("area_id").groupby(["region", "outcome"], sort=True)
    width = float(norm.ppf(1 - LEVEL / 2 / max(1, groups.ngroups)))
    return [
        _judge_one(str(region), str(outcome), group, width, np.random.default_rng([seed, number]))
        for number, ((region, outcome), group) in enumerate(groups)
    ]


def _judge_one(region: str, outcome: str, areas: pd.DataFrame, width: float, random: np.random.Generator) -> Verdict:
    true, predicted, median = (
        areas[name].to_numpy(np.float64) for name in ("true_decile", "predicted_decile", "median")
    )
    error, of_median = np.abs(predicted - true), np.abs(median - true)
    difference = error - of_median
    n = len(areas)
    is_better = n > 1 and bool(difference.mean() + width * difference.std(ddof=1) / np.sqrt(n) < 0)
    spearman, by_chance = _correlations(true, predicted, areas["fold"].to_numpy(), random)
    low, high = by_chance.mean() - width * by_chance.std(), by_chance.mean() + width * by_chance.std()
    is_above = is_better or (spearman is not None and spearman > high)
    means = float(error.mean()), float(of_median.mean())
    return Verdict(region, outcome, n, spearman, float(low), float(high), *means, is_above)


def _correlations(
    true: Floats, predicted: Floats, fold: npt.NDArray[np.int64], random: np.random.Generator
) -> tuple[float | None, Floats]:
    """Spearman's correlation, and those of many permutations of `true` within folds; None and zeros if undefined."""
    from scipy.stats import rankdata

    x, y = (rankdata(values) - (len(values) + 1) / 2 for values in (true, predicted))
    size = np.sqrt((x @ x) * (y @ y))
    if size == 0:
        return None, np.zeros(1)
    by_fold = np.argsort(fold, kind="stable")
    permuted = np.empty(PERMUTATIONS)
    for i in range(PERMUTATIONS):
        within_folds = np.lexsort((random.random(len(fold)), fold))
        permuted[i] = x[within_folds] @ y[by_fold]
    return float(x @ y / size), permuted / size
