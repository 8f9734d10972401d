"""The measures of many tables of counts at once: fast enough for a thousand samples of a million locations."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.methods import MEASURES

Floats = npt.NDArray[np.float64]


def measures_of_counts(counts: npt.NDArray[Any], true: Floats, predicted: Floats) -> dict[str, Floats]:
    """Every measure of `methods.MEASURES`, from the number of times that each pair of deciles occurs.

    Args:
        counts: [..., R, P], how often the pair (true[r], predicted[p]) occurs.
        true: whole deciles [R], ascending.
        predicted: deciles [P], ascending, not necessarily whole; rounded half to even where `ordinal.measures` does.

    Returns:
        Each measure as [...], NaN where it is undefined (all of them for an empty table).
    """
    cells = np.asarray(counts, dtype=np.float64)
    of_true, of_predicted = cells.sum(-1), cells.sum(-2)
    n = of_true.sum(-1)
    steps = np.abs(true[:, None] - np.rint(predicted))

    def mean(of_cell: npt.NDArray[Any]) -> Floats:
        return np.asarray(np.einsum("...rp,rp->...", cells, of_cell.astype(np.float64)) / n)

    with np.errstate(divide="ignore", invalid="ignore"):
        by_chance = np.einsum("...r,...p,rp->...", of_true, of_predicted, steps**2) / n**2
        squared = mean((true[:, None] - predicted) ** 2)
        spread = (of_true * true**2).sum(-1) / n - ((of_true * true).sum(-1) / n) ** 2
        values = {
            "mae": mean(np.abs(true[:, None] - predicted)),
            "rmse": np.sqrt(squared),
            "r2": np.where(spread > 0, 1 - squared / spread, np.nan),
            "accuracy": mean(steps == 0),
            "within_1": mean(steps <= 1),
            "kappa": np.where(by_chance > 0, 1 - mean(steps**2) / by_chance, np.nan),
            "pearson": _correlation(cells, true, predicted),
            "spearman": _correlation(cells, _mid_ranks(of_true), _mid_ranks(of_predicted)),
            "kendall": _kendall(cells),
            **_worst(cells, true, np.rint(predicted), 1),
            **_worst(cells, true, np.rint(predicted), 2),
        }
    return {name: values[name] for name in MEASURES}


def _worst(cells: Floats, true: Floats, predicted: Floats, last: int) -> dict[str, Floats]:
    """Recall and precision of the areas whose decile is at most `last`: the worst 10 % for 1, the worst 20 % for 2."""
    is_true, is_predicted = true <= last, predicted <= last
    hits = cells[..., is_true, :][..., is_predicted].sum((-2, -1))
    of_true, of_predicted = cells[..., is_true, :].sum((-2, -1)), cells[..., is_predicted].sum((-2, -1))
    share = 10 * last
    return {f"recall_{share}": hits / of_true, f"precision_{share}": hits / of_predicted}


def _mid_ranks(counts: Floats) -> Floats:
    return np.cumsum(counts, axis=-1) - counts / 2


def _correlation(cells: Floats, x: Floats, y: Floats) -> Floats:
    """Linear correlation of x [..., R] and y [..., P], weighted by the cells."""
    of_x, of_y = cells.sum(-1), cells.sum(-2)
    n = of_x.sum(-1, keepdims=True)
    from_mean_x = x - (of_x * x).sum(-1, keepdims=True) / n
    from_mean_y = y - (of_y * y).sum(-1, keepdims=True) / n
    together = np.einsum("...rp,...r,...p->...", cells, from_mean_x, from_mean_y)
    spread = np.sqrt((of_x * from_mean_x**2).sum(-1) * (of_y * from_mean_y**2).sum(-1))
    return np.where(_varies(cells), np.clip(together / spread, -1, 1), np.nan)


def _kendall(cells: Floats) -> Floats:
    """Kendall's tau-b."""
    below_left = np.zeros_like(cells)
    below_left[..., 1:, 1:] = cells.cumsum(-2).cumsum(-1)[..., :-1, :-1]
    below = np.zeros_like(cells)
    below[..., 1:, :] = cells.cumsum(-2)[..., :-1, :]
    below_right = below.sum(-1, keepdims=True) - below_left - below
    concordant_minus_discordant = (cells * (below_left - below_right)).sum((-2, -1))
    n = cells.sum((-2, -1))
    tied_true, tied_predicted = ((cells.sum(axis) * (cells.sum(axis) - 1)).sum(-1) for axis in (-1, -2))
    pairs = n * (n - 1)
    tau = 2 * concordant_minus_discordant / np.sqrt((pairs - tied_true) * (pairs - tied_predicted))
    return np.where(_varies(cells), tau, np.nan)


def _varies(cells: Floats) -> npt.NDArray[np.bool_]:
    """Whether there is more than one true and more than one predicted decile."""
    of_each = [(cells.sum(axis) > 0).sum(-1) > 1 for axis in (-1, -2)]
    return np.asarray(of_each[0] & of_each[1])
