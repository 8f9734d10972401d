"""The deciles of areas by each method of docs/reference.md, 5, from counts: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from streetdeciles.methods import DECILE_MEAN, DECILE_MEDIAN, DECILE_MODE, SCORE_DECILE_MEAN, SCORE_MEAN

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

DECILES = np.arange(1, 11)


def deciles_by_method(counts: Counts, mean_score: Floats, mean_score_decile: Floats) -> Mapping[str, Floats]:
    """A decile for each row by each method; may be between two deciles.

    Args:
        counts: [rows, 10], how often each decile is predicted; every row has at least one.
        mean_score: [rows].
        mean_score_decile: [rows], NaN where the scores give fewer than ten classes.
    """
    n, up_to = counts.sum(axis=1), counts.cumsum(axis=1)
    # The middle one of all sorted deciles, or the two on either side of the middle.
    middles = ((n + 1) // 2, n // 2 + 1)
    is_mode = counts == counts.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        # The most probable class 0..9 of binomial(9, p) is floor(10 p), the upper if two are equal, as in the network.
        most_probable = np.minimum(10, np.floor(10 / (1 + np.exp(-mean_score))) + 1)
    return {
        SCORE_MEAN: most_probable,
        SCORE_DECILE_MEAN: np.rint(mean_score_decile),
        DECILE_MEAN: np.rint(counts @ DECILES / n),
        DECILE_MEDIAN: 1 + sum((up_to < middle[:, None]).sum(axis=1) for middle in middles) / 2,
        DECILE_MODE: is_mode @ DECILES / is_mode.sum(axis=1),
    }
