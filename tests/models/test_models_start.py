"""Fine-tuning: first weights, frozen layers, and refused start models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted_rows import planted_plan, planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.errors import RunRefused
from streetdeciles.models.start import StartModels, load_start_models
from streetdeciles.models.store import TrainedModel, save_card, save_models
from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network
from streetdeciles.training.assignments import plan_assignments
from streetdeciles.training.stack import network_shape
from streetdeciles.training.stacked_training import train_models

ROWS = planted_rows()
SETTINGS = TrainingConfig.model_validate(
    {
        "view_units": [16, 12],
        "location_units": [8],
        "learning_rate": 0.02,
        "epochs": 2,
        "start_from": "models",
        "freeze": 1,
    }
)
SHAPE = network_shape(ROWS, SETTINGS)


@pytest.fixture(scope="module")
def models() -> list[TrainedModel]:
    """Three outcomes and two folds: fewer folds than the rows have, and one more outcome."""
    network, rng = location_network(SHAPE), np.random.default_rng(1)
    return [
        TrainedModel(f"outcome_{o}", fold, initial_weights(network, rng), epoch=1, val_loss=2.0, val_mae=2.0)
        for fold in range(2)
        for o in range(3)
    ]


@pytest.fixture(scope="module")
def folder(models: list[TrainedModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("start") / "models"
    save_card(str(path), save_models(models, SHAPE, str(path)), SHAPE, {}, [])
    return path


def load(path: Path, **other: Any) -> StartModels:
    return load_start_models(str(path), ROWS.outcomes, replace(SHAPE, **other))


def test_models_start_from_their_outcome_and_fold(folder: Path, models: list[TrainedModel]) -> None:
    starts = load(folder, views=7, noise=0.0)
    for fold, start_fold in ((0, 0), (1, 1), (2, 0), (3, 1)):
        expected = next(m for m in models if (m.outcome, m.fold) == ("outcome_1", start_fold)).weights
        for start, array in zip(starts.weights("outcome_1", fold), expected, strict=True):
            np.testing.assert_array_equal(start, array)


def test_all_models_start_from_the_model_of_a_file(folder: Path, models: list[TrainedModel]) -> None:
    starts = load(folder / "outcome_2" / "1.keras")
    for start, array in zip(starts.weights("outcome_0", 2), models[5].weights, strict=True):
        np.testing.assert_array_equal(start, array)
    assert starts.fingerprint != load(folder / "outcome_2" / "0.keras").fingerprint
    assert starts.fingerprint == load(folder / "outcome_2" / "1.keras").fingerprint


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"features": 17}, "its number of features per view is 16, and this run's is 17"),
        ({"variant": "plain"}, "its training.variant is batch_norm, and this run's is plain"),
        ({"view_units": (16,)}, r"its training.view_units is \[16, 12\], and this run's is \[16\]"),
        ({"location_units": (9,)}, r"its training.location_units is \[8\], and this run's is \[9\]"),
    ],
)
def test_another_shape_is_refused(folder: Path, other: dict[str, Any], message: str) -> None:
    with pytest.raises(RunRefused, match=message):
        load(folder / "outcome_0" / "0.keras", **other)


def test_a_missing_outcome_is_refused(folder: Path) -> None:
    with pytest.raises(RunRefused, match="no model of income; it has outcome_0, outcome_1, outcome_2: remove"):
        load_start_models(str(folder), ("outcome_1", "income"), SHAPE)


def test_a_file_that_is_not_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.keras").write_bytes(b"GIF89a")
    with pytest.raises(RunRefused, match="photo.keras is not a model trained by streetdeciles"):
        load(tmp_path / "photo.keras")
    with pytest.raises(RunRefused, match="no trained models"):
        load(tmp_path)


def test_another_network_is_refused(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    network.save(tmp_path / "other.keras")
    with pytest.raises(RunRefused, match="other.keras is not a model trained by streetdeciles"):
        load(tmp_path / "other.keras")


def test_fine_tuning_changes_all_but_the_frozen_layers(folder: Path) -> None:
    assignments, _ = plan_assignments(ROWS, validation_share=0.2, seed=1)
    starts = load(folder)
    tuned = train_models(assignments, planted_plan(SETTINGS, ROWS), starts=starts.weights)
    slow = SETTINGS.model_copy(update={"learning_rate": 1e-9, "epochs": 1, "freeze": 0})
    barely = train_models(assignments, planted_plan(slow, ROWS), starts=starts.weights)
    names = [variable.path for variable in location_network(SHAPE).weights]
    for model, hardly in zip(tuned, barely, strict=True):
        first = starts.weights(model.outcome, model.fold)
        for name, start, after, hardly_after in zip(names, first, model.weights, hardly.weights, strict=True):
            frozen = name.startswith(("view_1/", "view_norm_1/"))
            assert np.array_equal(start, after) == frozen, name
            if "moving" not in name:
                np.testing.assert_allclose(hardly_after, start, atol=1e-6)


def test_a_frozen_layer_computes_the_same_in_training(folder: Path) -> None:
    """It normalises by the statistics that it started with, so the scores in training are the same."""
    from streetdeciles.ordinal.stacked_network import stack

    shape = NetworkShape(2, 16, (16, 12), (), noise=0.0)
    network = location_network(shape)
    weights = [array + 0.25 for array in initial_weights(network, np.random.default_rng(3))]
    inputs = {"features": ROWS.features[:9], "view_mask": ROWS.view_mask[:9]}
    inputs["row_weights"] = np.ones((1, 9), np.float32)
    frozen = stack(shape, [weights], frozen=2)
    np.testing.assert_array_equal(np.asarray(frozen(inputs, training=True)), np.asarray(frozen(inputs, training=False)))
    assert [tuple(v.shape) for v in frozen.trainable_variables] == [(1, 12, 1), (1, 1)]
