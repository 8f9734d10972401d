"""The distribution over deciles of a score and a temperature, which says how much wider it is than the binomial.

The binomial of a score s gives decile k a probability in proportion to exp(log C(9, k-1) + (k-1) s). It has no width
of its own: a network that is often wrong by two deciles cannot say so. A temperature T divides these exponents, as is
usual for a softmax (Guo et al. 2017): T > 1 widens the distribution around the same most probable decile, T < 1 narrows
it. Dividing the score alone would move the most probable decile to the middle, and could not widen the binomial of
score 0.
"""

from __future__ import annotations

from math import comb, log
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.ordinal import N_DECILES

TRIALS = N_DECILES - 1
LOG_CHOOSE = tuple(log(comb(TRIALS, successes)) for successes in range(N_DECILES))

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 100.0
"""What is fitted lies between them; at the upper one all deciles are almost equally probable."""

Floats = npt.NDArray[np.float64]


def log_probabilities(scores: npt.ArrayLike, temperatures: npt.ArrayLike = 1.0) -> Floats:
    """Log-probability of each decile, [..., 10], for scores and temperatures [...]; exact for any score."""
    s, t = (np.asarray(values, np.float64)[..., None] for values in (scores, temperatures))
    exponents: Floats = (np.asarray(LOG_CHOOSE) + np.arange(N_DECILES) * s) / t
    exponents = exponents - exponents.max(axis=-1, keepdims=True)
    return np.asarray(exponents - np.log(np.exp(exponents).sum(axis=-1, keepdims=True)))


def probabilities(scores: npt.ArrayLike, temperatures: npt.ArrayLike = 1.0) -> Floats:
    """Probability of each decile, [..., 10], for scores and temperatures [...]."""
    return np.asarray(np.exp(log_probabilities(scores, temperatures)))


def fit_temperature(scores: npt.NDArray[Any], deciles: npt.NDArray[Any]) -> float:
    """The temperature with the least mean negative log-likelihood of `deciles` [n], 1 to 10, given `scores` [n].

    The likelihood has one maximum, because its logarithm is concave in 1 / T. 1 without locations.
    """
    from scipy.optimize import minimize_scalar

    if not len(scores):
        return 1.0
    column = np.asarray(deciles, np.int64)[:, None] - 1

    def loss(log_temperature: float) -> float:
        likely = log_probabilities(scores, np.exp(log_temperature))
        return -float(np.take_along_axis(likely, column, axis=1).mean())

    bounds = (log(MIN_TEMPERATURE), log(MAX_TEMPERATURE))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x))
