"""Weights that balance the ten classes while each row is used once per epoch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streetdeciles.ordinal import N_DECILES


def class_weights(deciles: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Weight of each decile, float32 [11], for a mean over rows that equals the reference's balanced draws.

    The reference draws one of the K classes that have rows, all equally likely, then one of its n_k rows: the expected
    loss of a draw is sum_k (1/K) sum_{i in k} loss_i / n_k. A row drawn uniformly from all n and weighted by
    n / (K n_k) has the same expectation. So has the mean over any number of uniformly drawn rows, if it divides by
    their number (not by the sum of their weights, which varies with the draw and would bias it). The mean weight is 1.

    Args:
        deciles: 1..10 for each row to learn from; 0 (no label) gets weight 0, and so does a class without rows.
    """
    counts = np.bincount(deciles[deciles > 0], minlength=N_DECILES + 1).astype(np.float64)
    present = counts > 0
    weights = np.zeros(N_DECILES + 1)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.astype(np.float32)
