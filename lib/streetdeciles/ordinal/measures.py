"""How close predicted deciles are to the true ones. Pure functions on arrays; a measure is null where undefined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from streetdeciles.methods import MAIN_MEASURES

Floats = npt.NDArray[np.float64]


def measures(true: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, float | None]:
    """Every measure of `tables.MAIN_MEASURES`, in that order.

    Args:
        true: whole deciles [n].
        predicted: deciles [n], not necessarily whole; `accuracy`, `within_1` and `kappa` round them half to even
            (`rint`, as the published script does), the others use them as they are.

    Raises:
        ValueError: the two have different lengths, or hold NaN or infinity.
    """
    t, p = (np.asarray(values, dtype=np.float64) for values in (true, predicted))
    if t.shape != p.shape or t.ndim != 1:
        raise ValueError(f"expected two lists of the same length, received shapes {t.shape} and {p.shape}")
    if not (np.isfinite(t).all() and np.isfinite(p).all()):
        raise ValueError("expected finite deciles, received NaN or infinity; leave out rows whose decile is null")
    return {name: _BY_NAME[name](t, p) if t.size else None for name in MAIN_MEASURES}


def mean_absolute_error(true: Floats, predicted: Floats) -> float:
    """Mean distance, in deciles."""
    return float(np.abs(true - predicted).mean())


def accuracy(true: Floats, predicted: Floats) -> float:
    """Share of predictions that are exactly right."""
    return float((true == np.rint(predicted)).mean())


def within_1(true: Floats, predicted: Floats) -> float:
    """Share of predictions at most one decile off."""
    return float((np.abs(true - np.rint(predicted)) <= 1).mean())


def quadratic_kappa(true: Floats, predicted: Floats) -> float | None:
    """Cohen's kappa with quadratic weights; undefined if both sides are the same constant.

    With quadratic weights the disagreement expected by chance is the mean squared distance over all pairs, which is
    var(true) + var(predicted) + (mean(true) - mean(predicted))^2: no confusion matrix is needed.
    """
    rounded = np.rint(predicted)
    by_chance = true.var() + rounded.var() + (true.mean() - rounded.mean()) ** 2
    return float(1 - ((true - rounded) ** 2).mean() / by_chance) if by_chance > 0 else None


def pearson(true: Floats, predicted: Floats) -> float | None:
    """Linear correlation; undefined if one side is constant."""
    if np.ptp(true) == 0 or np.ptp(predicted) == 0:
        return None
    a, b = true - true.mean(), predicted - predicted.mean()
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))


def spearman(true: Floats, predicted: Floats) -> float | None:
    """Linear correlation of the ranks, where ties get their mean rank; undefined if one side is constant."""
    from scipy.stats import rankdata

    return pearson(rankdata(true), rankdata(predicted))


def kendall(true: Floats, predicted: Floats) -> float | None:
    """Kendall's tau-b; undefined if one side is constant.

    Counted on the table of distinct values, [10, distinct predictions], in time linear in rows: counting the pairs of
    1.5 million locations would take far too long.
    """
    _, t = np.unique(true, return_inverse=True)
    _, p = np.unique(predicted, return_inverse=True)
    shape = (int(t.max()) + 1, int(p.max()) + 1)
    if 1 in shape:
        return None
    cells = np.bincount(t * shape[1] + p, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    below_left = np.zeros(shape)
    below_left[1:, 1:] = cells.cumsum(0).cumsum(1)[:-1, :-1]
    below = np.zeros(shape)
    below[1:] = cells.cumsum(0)[:-1]
    below_right = below.sum(1, keepdims=True) - below_left - below
    concordant_minus_discordant = (cells * (below_left - below_right)).sum()
    pairs = true.size * (true.size - 1) / 2
    tied_true, tied_predicted = ((cells.sum(axis) * (cells.sum(axis) - 1)).sum() / 2 for axis in (1, 0))
    return float(concordant_minus_discordant / np.sqrt((pairs - tied_true) * (pairs - tied_predicted)))


_BY_NAME: dict[str, Callable[[Floats, Floats], float | None]] = {
    "mae": mean_absolute_error,
    "accuracy": accuracy,
    "within_1": within_1,
    "kappa": quadratic_kappa,
    "pearson": pearson,
    "spearman": spearman,
    "kendall": kendall,
}
