"""The loss of the binomial distribution over deciles that a score defines (docs/reference.md, 4), in log space.

With p = sigmoid(score), decile k in 1..10 has probability C(9, k-1) p^(k-1) (1-p)^(10-k). Powers of p underflow for
scores that training reaches; (k-1) log p + (10-k) log(1-p) with log p = log_sigmoid(score) and
log(1-p) = log_sigmoid(-score) is exact to float32's precision for every score, and so is its gradient.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from streetdeciles.ordinal import N_DECILES
from streetdeciles.ordinal.tempered import LOG_CHOOSE, TRIALS

Tensor = Any


def negative_log_likelihood(deciles: Tensor, scores: Tensor) -> Tensor:
    """-log P(decile | score), float32, for deciles 1..10 and scores of the same shape."""
    scores = ops.cast(scores, "float32")
    index = ops.cast(deciles, "int32") - 1
    successes = ops.cast(index, "float32")
    log_choose = ops.take(ops.convert_to_tensor(LOG_CHOOSE, dtype="float32"), index)
    return -(log_choose + successes * ops.log_sigmoid(scores) + (TRIALS - successes) * ops.log_sigmoid(-scores))


def predicted_decile(scores: Tensor) -> Tensor:
    """The most probable decile, int32: floor((trials + 1) p), the binomial's mode; the upper one if two are equal."""
    successes = ops.floor(N_DECILES * ops.sigmoid(ops.cast(scores, "float32")))
    return ops.cast(ops.minimum(successes, float(TRIALS)), "int32") + 1
