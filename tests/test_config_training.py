"""Settings of splits, trainings and predictions that must go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config_files import load_values, refusal
from streetdeciles.config import RunConfig


@pytest.mark.parametrize(
    ("dataset", "numbers"),
    [
        ({}, {"folds": 5}),
        ({"folds": 3}, {"folds": 3}),
        ({"split": "train_test"}, {"test_share": 0.2}),
        ({"split": "train_validation_test", "test_share": 0.3}, {"test_share": 0.3, "validation_share": 0.15}),
        ({"split": "by_class", "held_out_deciles": [1, 10]}, {"held_out_deciles": [1, 10]}),
        ({"split": "train_only"}, {}),
    ],
)
def test_a_split_has_the_numbers_that_it_needs(
    tmp_path: Path, values: dict[str, Any], dataset: dict[str, Any], numbers: dict[str, Any]
) -> None:
    values["dataset"] |= dataset
    config = load_values(tmp_path, values)
    actual = {
        key: getattr(config.dataset, key) for key in ("folds", "test_share", "validation_share", "held_out_deciles")
    }
    assert {key: value for key, value in actual.items() if value is not None} == numbers
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"split": "leave_one_out"}, "dataset.split: input should be 'folds', 'train_validation_test'"),
        (
            {"split": "train_test", "folds": 5},
            "dataset: folds cannot be used with split train_test; remove one of them",
        ),
        ({"test_share": 0.2}, "dataset: test_share cannot be used with split folds"),
        ({"split": "by_class"}, "dataset: held_out_deciles must be set with split by_class"),
        ({"split": "by_class", "held_out_deciles": [11]}, "held_out_deciles.0: input should be less than or equal"),
        ({"split": "by_class", "held_out_deciles": [1, 1]}, "held_out_deciles must be different from each other"),
        (
            {"split": "train_validation_test", "test_share": 0.6, "validation_share": 0.4},
            "test_share and validation_share must leave something to learn from",
        ),
        ({"split": "test_only"}, "dataset.split test_only and prediction.models None do not go together"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(
    tmp_path: Path, values: dict[str, Any], dataset: dict[str, Any], message: str
) -> None:
    values["dataset"] |= dataset
    assert message in refusal(tmp_path, values)


def test_given_models_go_with_test_only(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "models").mkdir()
    values["prediction"] = {"models": "models"}
    assert load_values(tmp_path, values).dataset.split == "test_only"
    values["dataset"]["split"] = "train_test"
    assert "dataset.split train_test and prediction.models" in refusal(tmp_path, values)


def test_folds_to_train_must_be_there(tmp_path: Path, values: dict[str, Any]) -> None:
    values["training"] = {"folds": [0, 4]}
    assert load_values(tmp_path, values).training.folds == [0, 4]
    values["training"] = {"folds": [5]}
    assert "training.folds [5] must be from 0 to 4" in refusal(tmp_path, values)
    values["training"] = {"folds": [0]}
    values["dataset"]["split"] = "train_test"
    assert "training.folds [0] must not be set with dataset.split train_test" in refusal(tmp_path, values)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("default", ("batch_norm", 1e-2, 0.0, "auto", 50, 10, 3)),
        ("paper_tf", ("batch_norm", 5e-6, 0.0, 20, 50, 50, None)),
        ("paper_torch", ("plain", 1e-4, 1e-4, 20, 50, 50, None)),
    ],
)
def test_training_preset_gives_the_keys_that_are_not_set(
    tmp_path: Path, values: dict[str, Any], preset: str, expected: tuple[Any, ...]
) -> None:
    names = ("variant", "learning_rate", "weight_decay", "batch_size", "epochs", "patience", "halve_after")

    whole = load_values(tmp_path, values | {"training": {"preset": preset}}).training
    some = load_values(tmp_path, values | {"training": {"preset": preset, "epochs": 7}}).training

    assert tuple(getattr(whole, name) for name in names) == expected
    assert (whole.view_units, whole.location_units, whole.noise) == ([512, 256, 128], [64], 0.05)
    assert some == whole.model_copy(update={"epochs": 7})


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"freeze": 1}, "training: freeze needs start_from"),
        ({"freeze": 4, "start_from": "photographs"}, "training: freeze must be at most 3, the number of view_units"),
        ({"start_from": "other/models"}, "training.start_from: {folder}/other/models: no such file or folder"),
        ({"train_size": 0.0}, "training.train_size: input should be greater than 0"),
        ({"train_size": 1.5}, "training.train_size: input should be less than or equal to 1"),
    ],
)
def test_fine_tuning_that_cannot_be_is_refused(
    tmp_path: Path, values: dict[str, Any], training: dict[str, Any], message: str
) -> None:
    assert message.format(folder=tmp_path) in refusal(tmp_path, values | {"training": training})


def test_unknown_preset_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    assert "training.preset: input should be 'default', 'paper_tf' or 'paper_torch', got 'paper'" in refusal(
        tmp_path, values | {"training": {"preset": "paper"}}
    )


def test_report_method_must_be_among_the_aggregation_methods(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"aggregation": {"methods": ["decile_mean"]}})

    assert "report.method score_mean must be one of aggregation.methods" in message
