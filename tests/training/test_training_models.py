"""What models learn, and from what: planted signals, shuffled labels, leaks, seeds."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from planted_rows import FOLDS, SIGNAL_NOISE, VIEWS, planted_plan, planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.errors import RunFailed
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.ordinal.measures import measures
from streetdeciles.ordinal.network import location_network
from streetdeciles.training import stack as training_stack
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.stack import network_shape
from streetdeciles.training.stacked_training import Watcher, first_weights, train_models

SETTINGS = TrainingConfig(view_units=[16], location_units=[8], learning_rate=0.02, epochs=15, patience=5, batch_size=32)


def train(
    rows: TrainingRows, *, settings: TrainingConfig = SETTINGS, seed: int = 1, **kwargs: Any
) -> list[TrainedModel]:
    assignments, _ = plan_assignments(rows, validation_share=settings.validation_share, seed=seed)
    return train_models(assignments, planted_plan(settings, rows, seed=seed), **kwargs)


def held_out_deciles(
    rows: TrainingRows, models: list[TrainedModel], outcome_index: int, settings: TrainingConfig = SETTINGS
) -> np.ndarray:
    """Each location's decile of an outcome, by the model that has not seen its fold."""
    network = location_network(network_shape(rows, settings))
    deciles = np.zeros(len(rows))
    for model in models:
        if model.outcome == rows.outcomes[outcome_index]:
            network.set_weights(model.weights)
            held_out = rows.fold == model.fold
            scores = network({"features": rows.features[held_out], "view_mask": rows.view_mask[held_out]})
            deciles[held_out] = np.asarray(predicted_decile(scores))[:, 0]
    return deciles


def fingerprint(models: list[TrainedModel]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for model in models for array in model.weights)).hexdigest()


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    return planted_rows()


@pytest.fixture(scope="module")
def history() -> list[HistoryRow]:
    return []


@pytest.fixture(scope="module")
def models(rows: TrainingRows, history: list[HistoryRow]) -> list[TrainedModel]:
    return train(rows, watcher=Watcher(on_epoch=history.extend))


def test_a_planted_signal_is_learned(rows: TrainingRows, models: list[TrainedModel]) -> None:
    """With the planted directions known, the error is one decile if the noise of the views' mean exceeds half of one.

    Learning sixteen features from 200 locations adds to that; half a decile more is far below chance, which is 2.5.
    """
    best = 2 * norm.sf(0.5, scale=SIGNAL_NOISE / np.sqrt(VIEWS)) * 0.9
    for o in range(2):
        measured = measures(rows.deciles[:, o], held_out_deciles(rows, models, o))
        assert measured["mae"] is not None
        assert measured["mae"] < best + 0.5


def test_the_plain_variant_learns_a_planted_signal(rows: TrainingRows) -> None:
    """Its features are within -5 .. 15, so they are mapped to 0 .. 2.5: that needs a higher learning rate."""
    settings = TrainingConfig.model_validate(
        {"preset": "paper_torch", "view_units": [16], "location_units": [8], "learning_rate": 0.02, "epochs": 15}
    )
    assignments, _ = plan_assignments(rows, validation_share=settings.validation_share, seed=1)
    models = train_models(assignments.part([0, 1, 2], [0]), planted_plan(settings, assignments.rows))
    measured = measures(rows.deciles[:, 0], held_out_deciles(rows, models, 0, settings))
    assert measured["mae"] is not None
    assert measured["mae"] < 1


def test_shuffled_labels_are_not_learned(rows: TrainingRows) -> None:
    """Locations of an area are held out together, so 90 shuffled areas have correlations of 1 / sqrt(89) by chance."""
    order = np.random.default_rng(4).permutation(90)
    by_area = rows.deciles[:: len(rows) // 90][order]
    shuffled = replace(rows, deciles=np.repeat(by_area, len(rows) // 90, axis=0))
    models = train(shuffled, settings=SETTINGS.model_copy(update={"epochs": 4}))
    for o in range(2):
        measured = measures(shuffled.deciles[:, o], held_out_deciles(shuffled, models, o))
        assert abs(measured["spearman"] or 0) < 3 / np.sqrt(89)


def test_held_out_rows_do_not_leak(rows: TrainingRows) -> None:
    """In fold 0 the signal has the opposite sign: a model that had seen any of it would know."""
    features = rows.features.copy()
    features[rows.fold == 0] = 2 * features.mean(axis=(0, 1)) - features[rows.fold == 0]
    turned = replace(rows, features=features)
    assignments, _ = plan_assignments(turned, validation_share=0.15, seed=1)
    models = train_models(assignments.part([0], [0, 1]), planted_plan(SETTINGS, assignments.rows))
    held_out = rows.fold == 0
    for o in range(2):
        measured = measures(rows.deciles[held_out, o], held_out_deciles(turned, models, o)[held_out])
        assert measured["spearman"] is not None
        assert measured["spearman"] < -0.7


def test_held_out_rows_do_not_change_a_model(rows: TrainingRows, models: list[TrainedModel]) -> None:
    """With other held-out rows a model is the same bit for bit, including its normalisation statistics."""
    features, deciles = rows.features.copy(), rows.deciles.copy()
    features[rows.fold == 0] = 1e3
    deciles[rows.fold == 0] = 1
    again = train(replace(rows, features=features, deciles=deciles))
    assert fingerprint(again[:2]) == fingerprint(models[:2])
    assert fingerprint(again[2:]) != fingerprint(models[2:])


def test_the_same_seed_gives_the_same_weights(rows: TrainingRows, models: list[TrainedModel]) -> None:
    assert fingerprint(train(rows)) == fingerprint(models)


def test_another_seed_gives_other_first_weights(rows: TrainingRows) -> None:
    assignments, _ = plan_assignments(rows, validation_share=0.15, seed=1)
    shape = network_shape(rows, SETTINGS)
    first, again, other = (first_weights(assignments, shape, seed)[0][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_features_held_on_the_device_give_the_same_weights(rows: TrainingRows, monkeypatch: pytest.MonkeyPatch) -> None:
    """As features that are streamed in several buffers."""
    block_mb = 10 * rows.features[0].nbytes / 2**20
    monkeypatch.setattr("streetdeciles.training.feature_source.BLOCK_MB", block_mb)
    short = SETTINGS.model_copy(update={"epochs": 2})
    streamed, held = (train(rows, settings=short, buffer_mb=7 * block_mb, hold=hold) for hold in (False, True))
    assert fingerprint(streamed) == fingerprint(held)


def test_a_model_does_not_depend_on_which_others_are_trained(rows: TrainingRows) -> None:
    short = SETTINGS.model_copy(update={"epochs": 2})
    assignments, _ = plan_assignments(rows, validation_share=0.15, seed=1)
    together = train_models(assignments, planted_plan(short, assignments.rows))
    alone = train_models(assignments.part([2], [1]), planted_plan(short, assignments.rows))[0]
    assert (alone.outcome, alone.fold, alone.epoch) == (together[5].outcome, together[5].fold, together[5].epoch)
    for one, of_all in zip(alone.weights, together[5].weights, strict=True):
        np.testing.assert_allclose(one, of_all, rtol=1e-3, atol=1e-3)


def test_the_best_epoch_of_each_model_is_kept(models: list[TrainedModel], history: list[HistoryRow]) -> None:
    for model in models:
        losses = [row for row in history if (row.outcome, row.fold) == (model.outcome, model.fold)]
        assert [row.epoch for row in losses] == list(range(1, len(losses) + 1))
        best = min(losses, key=lambda row: row.val_loss)
        assert (model.epoch, model.val_loss, model.val_mae) == (best.epoch, best.val_loss, best.val_mae)
        assert len(losses) == min(SETTINGS.epochs, model.epoch + SETTINGS.patience)


def test_kept_weights_give_the_reported_validation_error(rows: TrainingRows, models: list[TrainedModel]) -> None:
    assignments, _ = plan_assignments(rows, validation_share=SETTINGS.validation_share, seed=1)
    validates = assignments.validation_weights(1, np.arange(len(rows)))[0] > 0
    network = location_network(network_shape(rows, SETTINGS))
    network.set_weights(models[2].weights)
    scores = network({"features": rows.features[validates], "view_mask": rows.view_mask[validates]})
    errors = np.abs(np.asarray(predicted_decile(scores))[:, 0] - rows.deciles[validates, 0])
    assert errors.mean() == pytest.approx(models[2].val_mae)


def test_a_training_that_diverges_fails_with_advice(rows: TrainingRows) -> None:
    assignments, _ = plan_assignments(rows, validation_share=0.15, seed=1)
    plan = planted_plan(SETTINGS.model_copy(update={"learning_rate": 1e38, "epochs": 1}), rows)
    with pytest.raises(RunFailed, match="outcome_0/0.*lower training.learning_rate"):
        train_models(assignments, plan)


def test_a_signal_is_learned_despite_missing_views(rows: TrainingRows) -> None:
    rng = np.random.default_rng(0)
    mask = np.ones_like(rows.view_mask)
    mask[rng.random(len(rows)) < 0.3, 1] = False
    features = np.where(mask[..., None], rows.features, 0).astype(np.float32)
    some = replace(rows, features=features, view_mask=mask)
    assignments: Assignments = plan_assignments(some, validation_share=0.15, seed=1)[0]
    models = train_models(assignments.part([0, 1, 2], [0]), planted_plan(SETTINGS, assignments.rows))
    measured = measures(some.deciles[:, 0], held_out_deciles(some, models, 0))
    assert measured["mae"] is not None
    assert measured["mae"] < 1


def test_there_is_a_model_for_each_outcome_and_fold(models: list[TrainedModel]) -> None:
    assert [(m.outcome, m.fold) for m in models] == [(f"outcome_{o}", f) for f in range(FOLDS) for o in range(2)]


def test_models_are_the_same_when_stopped_ones_leave_the_stack(
    rows: TrainingRows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 12, "patience": 2})
    monkeypatch.setattr(training_stack, "MIN_SAVED_MODEL_ROWS", float("inf"))
    stayed = train(rows, settings=settings)
    monkeypatch.setattr(training_stack, "MIN_SAVED_MODEL_ROWS", 0)
    with caplog.at_level(logging.INFO):
        left = train(rows, settings=settings)
    assert any(re.fullmatch(r"training: continues with \d of 6 models", message) for message in caplog.messages)
    assert [(m.outcome, m.fold, m.epoch) for m in left] == [(m.outcome, m.fold, m.epoch) for m in stayed]
    for one, other in zip(left, stayed, strict=True):
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-3)


def test_the_learning_rate_is_halved_when_a_model_does_not_improve(rows: TrainingRows) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 12, "patience": 5, "halve_after": 2})
    history: list[HistoryRow] = []
    train(rows, settings=settings, watcher=Watcher(on_epoch=history.extend))
    halved = 0
    for outcome, fold in {(row.outcome, row.fold) for row in history}:
        rate, best, waited = settings.learning_rate, np.inf, 0
        for row in [row for row in history if (row.outcome, row.fold) == (outcome, fold)]:
            assert row.learning_rate == pytest.approx(rate)
            waited = 0 if row.val_loss < best else waited + 1
            best = min(best, row.val_loss)
            if waited and waited % 2 == 0:
                rate, halved = rate / 2, halved + 1
    assert halved


@pytest.mark.parametrize("change", [{"precision": "bfloat16"}, {"balanced_batches": True}])
def test_a_planted_signal_is_learned_with_other_settings(rows: TrainingRows, change: dict[str, Any]) -> None:
    settings = SETTINGS.model_copy(update=change)
    measured = measures(rows.deciles[:, 0], held_out_deciles(rows, train(rows, settings=settings), 0, settings))
    assert measured["mae"] is not None
    assert measured["mae"] < 1
