"""The whole stage on a real Petastorm set: what it writes, reports and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
import pytest

from planted_rows import FOLDS, planted_config, planted_rows, write_planted_set
from streetdeciles.errors import RunRefused
from streetdeciles.models.store import weights_hash
from streetdeciles.run_log import StageReport
from streetdeciles.training import stage
from streetdeciles.training.checkpoints import CHECKPOINTS
from streetdeciles.training.curve_stage import learning_curve

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = planted_rows(areas=30, outcomes=3)
UNKNOWN = 2


@pytest.fixture(scope="module")
def work_dir(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """outcome_2 is known in only one area."""
    folder = tmp_path_factory.mktemp("training")
    deciles = ROWS.deciles.copy()
    deciles[ROWS.area != 4, UNKNOWN] = 0
    write_planted_set(spark, replace(ROWS, deciles=deciles), str(folder / "training_set"))
    return folder


@pytest.fixture(scope="module")
def report(spark: SparkSession, work_dir: Path) -> StageReport:
    leftover = work_dir / "_cache" / "training" / "features.bin"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"of a run that was killed")
    checkpoint = work_dir.joinpath(*CHECKPOINTS) / "round-0.npz"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"of a run that was killed")
    return stage.run(spark, planted_config(work_dir, ROWS))


def test_report_counts_add_up(report: StageReport) -> None:
    assert report.counts["locations"] == len(ROWS)
    assert (report.counts["outcomes"], report.counts["outcomes skipped"], report.counts["folds"]) == (3, 1, FOLDS)
    assert report.counts["models"] == 2 * FOLDS
    assert any(note.startswith("outcome_2 is skipped") for note in report.notes)
    assert any(note.startswith("outcome_1: validation MAE") for note in report.notes)


def test_models_load_and_are_what_the_card_says(report: StageReport, work_dir: Path) -> None:
    card = json.loads((work_dir / "models" / "model_card.json").read_text())
    assert [(m["outcome"], m["fold"]) for m in card["models"]] == [
        (f"outcome_{o}", fold) for fold in range(FOLDS) for o in range(2)
    ]
    for model in card["models"]:
        network = keras.saving.load_model(work_dir / "models" / model["file"])
        assert weights_hash(network.get_weights()) == model["weights_sha256"]
        assert network({"features": ROWS.features[:3], "view_mask": ROWS.view_mask[:3]}).shape == (3, 1)
    assert card["input"] == {"features": [2, 16], "view_mask": [2]}
    assert card["training"]["seed"] == 3
    assert len(card["training_set"]) == 16
    assert card["training"]["view_units"] == [16]
    resolved = {"preset": "default", "variant": "batch_norm", "weight_decay": 0.0, "patience": 10}
    assert {key: card["training"][key] for key in resolved} == resolved


def test_history_has_one_row_per_epoch_and_model(report: StageReport, work_dir: Path) -> None:
    history = pd.read_csv(work_dir / "models" / "history.csv")
    assert list(history.columns) == [
        "outcome",
        "fold",
        "epoch",
        "loss",
        "val_loss",
        "mae",
        "val_mae",
        "accuracy",
        "val_accuracy",
        "learning_rate",
    ]
    assert len(history) == 2 * FOLDS * 3
    assert np.isfinite(history[["loss", "val_loss", "mae", "val_mae"]]).all(axis=None)
    np.testing.assert_allclose(history["learning_rate"], 0.02)


def test_each_model_has_event_files(report: StageReport, work_dir: Path) -> None:
    folders = {path.parent for path in (work_dir / "logs" / "tensorboard").rglob("events.out.tfevents.*")}
    expected = {work_dir / "logs/tensorboard" / f"outcome_{o}" / str(fold) for o in range(2) for fold in range(FOLDS)}
    assert folders == expected


def test_no_scratch_files_stay(report: StageReport, work_dir: Path) -> None:
    assert not (work_dir / "_cache").exists()
    assert not list((work_dir / "_staging").iterdir())


def test_fine_tuning_starts_from_another_runs_model(
    report: StageReport, spark: SparkSession, work_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "training_set").symlink_to(work_dir / "training_set")
    file = str(work_dir / "models" / "outcome_0" / "1.keras")
    tuning = {"start_from": file, "freeze": 1, "train_size": 0.5, "epochs": 1}

    tuned = stage.run(spark, planted_config(tmp_path, ROWS, **tuning))

    assert "learned from a share of 0.5 of the areas available to learn from" in tuned.notes
    assert any(note.startswith(f"started from {file}") for note in tuned.notes)
    card = json.loads((tmp_path / "models" / "model_card.json").read_text())
    assert {key: card["training"][key] for key in tuning} == tuning
    first = keras.saving.load_model(file).get_layer("view_1").kernel
    for model in card["models"]:
        kernel = keras.saving.load_model(tmp_path / "models" / model["file"]).get_layer("view_1").kernel
        np.testing.assert_array_equal(np.asarray(kernel), np.asarray(first))


def test_start_models_of_another_shape_are_refused_before_reading(
    report: StageReport, spark: SparkSession, work_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "training_set").symlink_to(work_dir / "training_set")
    file = str(work_dir / "models" / "outcome_0" / "1.keras")
    with pytest.raises(RunRefused, match=r"its training.view_units is \[16\], and this run's is \[12\]"):
        stage.run(spark, planted_config(tmp_path, ROWS, start_from=file, view_units=[12]))


def test_learning_curve_measures_held_out_locations(
    report: StageReport, spark: SparkSession, work_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last point is the full training, so the expected errors are computed here from the saved models."""
    monkeypatch.setattr("streetdeciles.training.learning_curve.SIZES", (0.01, 0.5, 1.0))
    (tmp_path / "training_set").symlink_to(work_dir / "training_set")

    curve_report = learning_curve(planted_config(tmp_path, ROWS))

    points = pd.read_csv(tmp_path / "learning_curve.csv").set_index(["train_size", "outcome", "fold"])
    assert sorted(set(points.index.get_level_values(0))) == [0.5, 1.0]
    assert curve_report.counts == {"locations": len(ROWS), "models": 2 * 2 * FOLDS}
    assert any(note.startswith("1%: outcome_0 is skipped") for note in curve_report.notes)
    assert [path.name for path in tmp_path.iterdir() if path.name != "training_set"] == ["learning_curve.csv"]
    for outcome in ("outcome_0", "outcome_1"):
        for fold in range(FOLDS):
            held_out = ROWS.fold == fold
            network = keras.saving.load_model(work_dir / "models" / outcome / f"{fold}.keras")
            scores = np.asarray(network({"features": ROWS.features[held_out], "view_mask": ROWS.view_mask[held_out]}))[
                :, 0
            ]
            deciles = np.minimum(np.floor(10 / (1 + np.exp(-scores))), 9) + 1
            expected = np.abs(deciles - ROWS.deciles[held_out, ROWS.outcomes.index(outcome)]).mean()
            point = points.loc[(1.0, outcome, fold)]
            assert point["mae"] == pytest.approx(expected, abs=1.5 / held_out.sum())
            assert point["locations"] == held_out.sum()
            assert 2 * points.loc[(0.5, outcome, fold)]["learning_areas"] == pytest.approx(
                point["learning_areas"], abs=2
            )


def test_nothing_to_learn_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    rows = replace(ROWS, deciles=np.zeros_like(ROWS.deciles))
    write_planted_set(spark, rows, str(tmp_path / "training_set"))
    with pytest.raises(RunRefused, match="nothing can be learned; outcome_0 is skipped"):
        stage.run(spark, planted_config(tmp_path, ROWS))
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "_cache").exists()
