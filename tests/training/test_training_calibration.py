"""Temperatures of trained models come from their own validation areas, and from no other rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planted_rows import planted_plan, planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.network import location_network
from streetdeciles.ordinal.tempered import fit_temperature
from streetdeciles.training.assignments import plan_assignments
from streetdeciles.training.calibration import calibrated
from streetdeciles.training.feature_source import FeatureSource
from streetdeciles.training.stack import network_shape
from streetdeciles.training.stacked_training import train_models

SETTINGS = TrainingConfig(view_units=[16], location_units=[8], learning_rate=0.02, epochs=4, batch_size=32)
ROWS = planted_rows(areas=60)
SHAPE = network_shape(ROWS, SETTINGS)
ASSIGNMENTS = plan_assignments(ROWS, validation_share=0.2, seed=1)[0]


@pytest.fixture(scope="module")
def models() -> list[TrainedModel]:
    return train_models(ASSIGNMENTS, planted_plan(SETTINGS, ROWS))


def test_temperature_fits_the_validation_rows_of_the_model(models: list[TrainedModel]) -> None:
    network = location_network(SHAPE)
    expected = []
    for model in models:
        fold_index, outcome_index = ASSIGNMENTS.folds.index(model.fold), ASSIGNMENTS.outcomes.index(model.outcome)
        validates = ASSIGNMENTS.validation_weights(fold_index, np.arange(len(ROWS)))[outcome_index] > 0
        assert not (validates & (ROWS.fold == model.fold)).any()
        network.set_weights(model.weights)
        scores = np.asarray(network({"features": ROWS.features[validates], "view_mask": ROWS.view_mask[validates]}))
        expected.append(fit_temperature(scores[:, 0], ROWS.deciles[validates, outcome_index]))
    assert [model.temperature for model in models] == pytest.approx(expected, abs=2e-3)
    assert len(set(expected)) > 1


def test_held_out_deciles_do_not_change_the_temperature(models: list[TrainedModel]) -> None:
    """All deciles of fold 1 are turned round: only the models that have seen the fold have other temperatures."""
    turned = np.where((ROWS.fold == 1)[:, None], 11 - ROWS.deciles, ROWS.deciles).astype(np.int8)
    rows = replace(ROWS, deciles=turned)
    changed = calibrated(models, replace(ASSIGNMENTS, rows=rows), FeatureSource(rows), SHAPE, batch_size=32)
    is_equal = [before.temperature == after.temperature for before, after in zip(models, changed, strict=True)]
    assert is_equal == [model.fold == 1 for model in models]
