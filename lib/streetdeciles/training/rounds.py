"""How many models fit into memory at once; the others wait for the next round."""

from __future__ import annotations

from math import prod

from streetdeciles.config import TrainingConfig
from streetdeciles.ordinal.network import NetworkShape
from streetdeciles.training.batches import batch_size_of
from streetdeciles.training.lessons import Lessons

ARRAYS_PER_PARAMETER = 6
"""Weights, gradients, Adam's two moments, the best weights so far, and a copy while they are taken out."""
ARRAYS_PER_ACTIVATION = 8
"""A layer's product, its normalised and rectified values, and what the gradient makes of each."""


def plan_rounds(
    lessons: Lessons, shape: NetworkShape, settings: TrainingConfig, *, memory_bytes: float
) -> list[Lessons]:
    """`lessons` in as few parts as fit into `memory_bytes`, all folds of some outcomes or some folds of one.

    One model at a time is always tried, however little memory there is.
    """
    fit = max(1, int(memory_bytes / model_bytes(shape, batch_size_of(settings, len(lessons.rows)))))
    n_folds, n_outcomes = len(lessons.folds), len(lessons.outcomes)
    folds = _parts(n_folds, min(n_folds, fit))
    outcomes = _parts(n_outcomes, max(1, fit // n_folds))
    return [lessons.part(some_folds, some) for some in outcomes for some_folds in folds]


def model_bytes(shape: NetworkShape, batch_size: int) -> int:
    """Memory of one model in training: float32 parameters, activations and its fold's features."""
    units = (shape.features, *shape.view_units, *shape.location_units, 1)
    parameters = sum(prod(pair) for pair in zip(units, units[1:], strict=False))
    a_row = shape.views * sum(shape.view_units) + sum(shape.location_units)
    features = shape.views * shape.features
    activations = batch_size * (ARRAYS_PER_ACTIVATION * a_row + 4 * features)
    return 4 * (ARRAYS_PER_PARAMETER * parameters + activations)


def _parts(n: int, at_once: int) -> list[range]:
    return [range(first, min(first + at_once, n)) for first in range(0, n, at_once)]
