"""Whether predicted probabilities of deciles are true: how often a decile occurs that was called 80 % likely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.ordinal import N_DECILES
from streetdeciles.ordinal.tempered import log_probabilities

NOMINAL_PERCENT = (50, 80, 95)
BINS = 10
"""Bins of equal width for the probability of the most probable decile."""

COVERAGE_MEASURE, RELIABILITY, CALIBRATION_ERROR = "coverage", "reliability", "expected_calibration_error"
LOG_LOSS, RPS = "negative_log_likelihood", "rps"

Floats = npt.NDArray[np.float64]
Deciles = npt.NDArray[np.int64]
Rows = list[dict[str, Any]]


def calibration_rows(scores: Floats, temperatures: Floats, deciles: Deciles) -> Rows:
    """Rows of the table calibration for some locations [n]: before calibration, and after it."""
    rows = []
    for is_calibrated, used in ((False, np.ones_like(temperatures)), (True, temperatures)):
        logs = log_probabilities(scores, used)
        measured = _measured(np.exp(logs), logs, deciles)
        rows += [{"calibrated": is_calibrated, **row} for row in measured]
    return rows


def ranked_probability_scores(probabilities: Floats, deciles: Deciles) -> Floats:
    """The ranked probability score of each row of `probabilities` [n, 10], given its decile in `deciles` [n].

    The sum over the nine limits between deciles of (predicted probability of being at or below the limit - 1 if the
    decile is, else 0)^2. 0 is perfect, and a prediction of one decile for certain has its absolute error, in deciles.
    """
    limits = np.arange(1, N_DECILES)
    below: Floats = probabilities.cumsum(axis=1)[:, :-1] - (deciles[:, None] <= limits)
    return np.asarray((below**2).sum(axis=1))


def _measured(probabilities: Floats, logs: Floats, deciles: Deciles) -> Iterator[dict[str, Any]]:
    yield from _coverage(probabilities, deciles)
    n = len(deciles)
    confidence, is_hit = probabilities.max(axis=1), probabilities.argmax(axis=1) + 1 == deciles
    number = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    sizes, sums, hits = (np.bincount(number, weights, BINS) for weights in (None, confidence, is_hit))
    for b in np.flatnonzero(sizes):
        means = {"predicted": float(sums[b] / sizes[b]), "observed": float(hits[b] / sizes[b])}
        yield {"measure": RELIABILITY, "bin": int(b) + 1, "n": int(sizes[b]), **means}
    losses = {
        CALIBRATION_ERROR: np.abs(sums - hits).sum() / n,
        LOG_LOSS: -np.take_along_axis(logs, deciles[:, None] - 1, axis=1).mean(),
        RPS: ranked_probability_scores(probabilities, deciles).mean(),
    }
    for measure, loss in losses.items():
        yield {"measure": measure, "bin": 0, "n": n, "observed": float(loss)}


def _coverage(probabilities: Floats, deciles: Deciles) -> Iterator[dict[str, Any]]:
    """The smallest sets of deciles that have the nominal probability: their size, their probability, and the share that
    contains the true decile."""
    descending = -np.sort(-probabilities, axis=1)
    masses = descending.cumsum(axis=1)
    own = np.take_along_axis(probabilities, deciles[:, None] - 1, axis=1)
    # Of two that are equally probable, the lower decile comes first.
    is_before = (probabilities > own) | ((probabilities == own) & (np.arange(1, N_DECILES + 1) < deciles[:, None]))
    rank = is_before.sum(axis=1)
    for percent in NOMINAL_PERCENT:
        sizes = 1 + (masses[:, :-1] < percent / 100).sum(axis=1)
        mass = np.take_along_axis(masses, sizes[:, None] - 1, axis=1)
        means = {"predicted": float(mass.mean()), "observed": float((rank < sizes).mean())}
        row = {"measure": COVERAGE_MEASURE, "bin": percent, "n": len(deciles), "size": float(sizes.mean())}
        yield {**row, **means}
