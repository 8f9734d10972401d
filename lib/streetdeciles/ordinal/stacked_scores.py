"""What follows from a stack's scores [models, rows]: losses, errors and counts, over each model's rows only.

A row belongs to a model where its entry in `row_weights` [models, rows] is above 0.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from streetdeciles.ordinal import SCORE_BINS, SCORE_LIMIT
from streetdeciles.ordinal.binomial import negative_log_likelihood, predicted_decile

Tensor = Any


def is_used(row_weights: Tensor) -> Tensor:
    """1 for the rows of each model, else 0; float32 [models, rows]."""
    return ops.cast(row_weights > 0, "float32")


def weighted_losses(row_weights: Tensor, deciles: Tensor, scores: Tensor) -> Tensor:
    """The weighted loss of each row for each model, [models, rows]."""
    return row_weights * negative_log_likelihood(deciles, scores)


def batch_sums(row_weights: Tensor, deciles: Tensor, scores: Tensor) -> dict[str, Tensor]:
    """float32 `by_model` [4, models], the number of each model's rows and the sums of their losses, absolute errors and
    hits; and `score_counts` [SCORE_BINS, models], how many of their scores lie in each bin."""
    rows = is_used(row_weights)
    errors = ops.cast(ops.abs(predicted_decile(scores) - ops.cast(deciles, "int32")), "float32")
    losses, hits = weighted_losses(row_weights, deciles, scores), ops.cast(errors == 0, "float32")
    sums = [ops.sum(values, axis=1) for values in (rows, losses, errors * rows, hits * rows)]
    return {"by_model": ops.stack(sums), "score_counts": _score_counts(scores, rows)}


def _score_counts(scores: Tensor, rows: Tensor) -> Tensor:
    numbers = ops.floor((ops.cast(scores, "float32") + SCORE_LIMIT) * (SCORE_BINS / (2 * SCORE_LIMIT)))
    bins = ops.one_hot(ops.cast(ops.clip(numbers, 0, SCORE_BINS - 1), "int32"), SCORE_BINS, dtype="float32")
    return ops.transpose(ops.squeeze(ops.matmul(ops.expand_dims(rows, 1), bins), 1))
