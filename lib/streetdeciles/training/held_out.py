"""The scores of held-out locations, in this process: for what trains beside a run, and keeps no models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.stacked_network import stack
from streetdeciles.training.assignments import Assignments, Index
from streetdeciles.training.stack import network_shape

ROWS_PER_BATCH = 256


@dataclass(frozen=True)
class HeldOut:
    """The rows that are held out from at least one of some models, in the models' order.

    row_numbers: [n]; scores: float32 [models, n]; deciles: int64 [models, n], the true ones; is_measured: bool
    [models, n], whether the row is held out from the model and its decile is known.
    """

    row_numbers: Index
    scores: npt.NDArray[np.float32]
    deciles: Index
    is_measured: npt.NDArray[np.bool_]


def predict_held_out(
    assignments: Assignments, fold_index: int, models: list[TrainedModel], settings: TrainingConfig
) -> HeldOut:
    """Predict what is held out from the `models`, all of fold `folds[fold_index]`."""
    rows = assignments.rows
    outcome_indices = [assignments.outcomes.index(model.outcome) for model in models]
    everything = np.arange(len(rows))
    is_held_out = assignments.held_out(fold_index, everything)
    is_measured = (is_held_out & (assignments.deciles(everything) > 0))[outcome_indices]
    row_numbers = np.flatnonzero(is_measured.any(axis=0))
    network = stack(network_shape(rows, settings), [model.weights for model in models])
    scores = [np.zeros((len(models), 0), np.float32)]
    for first in range(0, len(row_numbers), ROWS_PER_BATCH):
        batch = row_numbers[first : first + ROWS_PER_BATCH]
        features = np.asarray(rows.features[batch], np.float32)
        scores.append(
            np.asarray(network({"features": features, "view_mask": rows.view_mask[batch]}, training=False), np.float32)
        )
    true = assignments.deciles(row_numbers)[outcome_indices].astype(np.int64)
    return HeldOut(row_numbers, np.concatenate(scores, axis=1), true, is_measured[:, row_numbers])
