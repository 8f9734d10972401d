"""Held-out errors are for rows that a model has not seen; with held-out deciles these differ between outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planted_rows import planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.ordinal.network import initial_weights, location_network
from streetdeciles.training.assignments import plan_assignments
from streetdeciles.training.learning_curve import held_out_errors
from streetdeciles.training.stack import network_shape
from streetdeciles.training_set.fold_codes import LEARNED

SETTINGS = TrainingConfig(view_units=[16], location_units=[8])
ROWS = planted_rows(areas=60, per_area=10)
IN_NO_FOLD = replace(ROWS, fold=np.full_like(ROWS.fold, LEARNED))


@pytest.mark.parametrize("deciles", [[1, 10], [4]])
def test_errors_are_for_the_held_out_deciles_of_each_outcome(deciles: list[int]) -> None:
    assignments, _ = plan_assignments(IN_NO_FOLD, validation_share=0.2, seed=1, held_out_deciles=deciles)
    network, random = location_network(network_shape(ROWS, SETTINGS)), np.random.default_rng(0)
    models = [
        TrainedModel(outcome, 0, initial_weights(network, random), epoch=1, val_loss=2.0, val_mae=2.0)
        for outcome in reversed(ROWS.outcomes)
    ]
    errors = held_out_errors(assignments, 0, models, SETTINGS)
    for model, error in zip(models, errors, strict=True):
        held_out = np.isin(true := ROWS.deciles[:, ROWS.outcomes.index(model.outcome)], deciles)
        network.set_weights(model.weights)
        scores = network({"features": ROWS.features[held_out], "view_mask": ROWS.view_mask[held_out]})
        expected = np.abs(np.asarray(predicted_decile(scores))[:, 0] - true[held_out])
        assert held_out.sum() == 60 * len(deciles)
        assert (error != expected).mean() < 0.02  # a score between two deciles may be rounded differently


def test_without_held_out_locations_there_are_no_errors() -> None:
    assignments, _ = plan_assignments(IN_NO_FOLD, validation_share=0.2, seed=1)
    network = location_network(network_shape(ROWS, SETTINGS))
    weights = initial_weights(network, np.random.default_rng(0))
    (errors,) = held_out_errors(assignments, 0, [TrainedModel("outcome_0", 0, weights, 1, 2.0, 2.0)], SETTINGS)
    assert errors.shape == (0,)
