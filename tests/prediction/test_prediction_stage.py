"""Every location is predicted, on executors, by the models that have not seen its area."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom

from planted_rows import planted_config, planted_rows, write_planted_set
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.models.store import TrainedModel, save_card, save_models
from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network
from streetdeciles.prediction import stage
from streetdeciles.run_log import StageReport

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = planted_rows(areas=30)
SHAPE = NetworkShape(2, 16, (16,), (16,), noise=0.05)
OUTCOMES = ("outcome_1", "outcome_0")
"""In a different order from the training set's, because the orders may differ."""
TEMPERATURES = {"outcome_0": (0.5, 1.0, 4.0), "outcome_1": (2.0, 3.0, 9.0)}
"""Of the models of each fold."""


def some_models(folds: range, seed: int = 0) -> list[TrainedModel]:
    """Untrained networks, a different one with another temperature for each outcome and fold."""
    network = location_network(SHAPE)
    rng = np.random.default_rng(seed)
    return [
        TrainedModel(outcome, fold, initial_weights(network, rng), 1, 2.0, 2.0, TEMPERATURES[outcome][fold])
        for fold in folds
        for outcome in OUTCOMES
    ]


def save(models: list[TrainedModel], work_dir: Path) -> None:
    folder = str(work_dir / "models")
    save_card(folder, save_models(models, SHAPE, folder), SHAPE, {}, [])


@pytest.fixture(scope="module")
def work_dir(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two locations have no decile, and one has no second view."""
    folder = tmp_path_factory.mktemp("prediction")
    deciles, mask, features = ROWS.deciles.copy(), ROWS.view_mask.copy(), ROWS.features.copy()
    deciles[[3, 5]] = 0
    mask[7, 1], features[7, 1] = False, 0
    write_planted_set(
        spark, replace(ROWS, deciles=deciles, features=features, view_mask=mask), str(folder / "training_set")
    )
    save(some_models(range(3)), folder)
    return folder


@pytest.fixture(scope="module")
def report(spark: SparkSession, work_dir: Path) -> StageReport:
    return stage.run(spark, planted_config(work_dir, ROWS))


@pytest.fixture(scope="module")
def predictions(report: StageReport, work_dir: Path) -> pd.DataFrame:
    return pd.read_parquet(work_dir / "predictions").set_index(["outcome", "location_id"]).sort_index()


def test_every_location_has_every_outcome_once(report: StageReport, predictions: pd.DataFrame) -> None:
    n = len(ROWS)
    assert report.counts == {"locations": n, "outcomes": 2, "predictions": 2 * n}
    assert report.notes == []
    assert predictions.index.is_unique
    assert len(predictions) == 2 * n
    assert set(predictions["model"]) == {"network"}


def test_each_location_is_scored_by_the_model_of_its_fold(predictions: pd.DataFrame, work_dir: Path) -> None:
    mask, features = ROWS.view_mask.copy(), ROWS.features.copy()
    mask[7, 1], features[7, 1] = False, 0
    for outcome in OUTCOMES:
        for fold in range(3):
            held_out = np.flatnonzero(ROWS.fold == fold)
            network = keras.saving.load_model(work_dir / "models" / outcome / f"{fold}.keras")
            expected = np.asarray(network({"features": features[held_out], "view_mask": mask[held_out]}))[:, 0]
            predicted = predictions.loc[[(outcome, f"location {i}") for i in held_out]]
            np.testing.assert_allclose(predicted["score"], expected, rtol=1e-5, atol=1e-6)
            assert set(predicted["fold"]) == {fold}


def test_decile_is_the_most_probable(predictions: pd.DataFrame) -> None:
    probabilities = np.stack(predictions["probabilities"].to_list())
    assert probabilities.shape == (2 * len(ROWS), 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    untied = predictions["score"].to_numpy() != 0  # 0 is between deciles 5 and 6
    np.testing.assert_array_equal(predictions["decile"][untied], probabilities[untied].argmax(1) + 1)
    assert predictions["decile"].nunique() > 5


def test_probabilities_are_calibrated_by_the_temperature_of_the_model(predictions: pd.DataFrame) -> None:
    outcomes = predictions.index.get_level_values("outcome")
    pairs = zip(outcomes, predictions["fold"], strict=True)
    assert predictions["temperature"].tolist() == [TEMPERATURES[outcome][fold] for outcome, fold in pairs]
    scores, temperatures = predictions["score"].to_numpy(), predictions["temperature"].to_numpy()
    binomial = binom.pmf(np.arange(10), 9, expit(scores)[:, None]) ** (1 / temperatures[:, None])
    expected = binomial / binomial.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.stack(predictions["probabilities"].to_list()), expected, rtol=1e-4, atol=1e-6)


def test_models_without_a_temperature_predict_their_binomials(
    spark: SparkSession, work_dir: Path, tmp_path: Path, predictions: pd.DataFrame
) -> None:
    """Imported models, and models of earlier versions."""
    shutil.copytree(work_dir / "models", tmp_path / "models")
    (tmp_path / "training_set").symlink_to(work_dir / "training_set")
    card = json.loads((tmp_path / "models" / "model_card.json").read_text())
    for model in card["models"]:
        del model["temperature"]
    (tmp_path / "models" / "model_card.json").write_text(json.dumps(card))
    stage.run(spark, planted_config(tmp_path, ROWS))
    plain = pd.read_parquet(tmp_path / "predictions").set_index(["outcome", "location_id"]).sort_index()
    assert set(plain["temperature"]) == {1.0}
    pd.testing.assert_frame_equal(plain[["score", "decile"]], predictions[["score", "decile"]])
    expected = binom.pmf(np.arange(10), 9, expit(plain["score"].to_numpy())[:, None])
    np.testing.assert_allclose(np.stack(plain["probabilities"].to_list()), expected, rtol=1e-4, atol=1e-6)


def test_a_second_run_gives_the_same(spark: SparkSession, work_dir: Path, predictions: pd.DataFrame) -> None:
    config = planted_config(work_dir, ROWS)
    stage.run(spark, config)
    again = pd.read_parquet(work_dir / "predictions").set_index(["outcome", "location_id"]).sort_index()
    pd.testing.assert_frame_equal(again, predictions)


def test_workers_that_have_old_models_load_new_ones(
    spark: SparkSession, work_dir: Path, predictions: pd.DataFrame
) -> None:
    save(some_models(range(3), seed=9), work_dir)
    try:
        stage.run(spark, planted_config(work_dir, ROWS))
        after = pd.read_parquet(work_dir / "predictions").set_index(["outcome", "location_id"]).sort_index()
        assert not np.allclose(after["score"], predictions["score"])
    finally:
        save(some_models(range(3)), work_dir)


def test_spark_settings_are_restored(spark: SparkSession, report: StageReport) -> None:
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == "10000"
    assert spark.conf.get("spark.sql.parquet.columnarReaderBatchSize") == "4096"


@pytest.fixture(scope="module")
def mean_of_models(spark: SparkSession, work_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Predictions of a run without models, by the models of another run."""
    folder = tmp_path_factory.mktemp("unseen")
    (folder / "training_set").symlink_to(work_dir / "training_set")
    report = stage.run(spark, with_models(planted_config(folder, ROWS), work_dir / "models"))
    assert report.counts == {"locations": len(ROWS), "outcomes": 2, "predictions": 2 * len(ROWS)}
    assert report.notes == [f"scores are the mean of 3 models per outcome, from {work_dir}/models; not held out"]
    return pd.read_parquet(folder / "predictions").set_index(["outcome", "location_id"]).sort_index()


def with_models(config: RunConfig, models: Path, **dataset: object) -> RunConfig:
    values = config.model_dump()
    values["dataset"] = {"outcomes": config.dataset.outcomes, **dataset}
    return RunConfig.model_validate(values | {"prediction": {"models": str(models)}})


def test_models_of_another_run_score_by_their_mean(mean_of_models: pd.DataFrame, work_dir: Path) -> None:
    mask, features = ROWS.view_mask.copy(), ROWS.features.copy()
    mask[7, 1], features[7, 1] = False, 0
    for outcome in OUTCOMES:
        networks = [keras.saving.load_model(work_dir / "models" / outcome / f"{fold}.keras") for fold in range(3)]
        scores = [np.asarray(network({"features": features, "view_mask": mask}))[:, 0] for network in networks]
        predicted = mean_of_models.loc[[(outcome, f"location {i}") for i in range(len(ROWS))]]
        np.testing.assert_allclose(predicted["score"], np.mean(scores, axis=0), rtol=1e-5, atol=1e-6)


def test_predictions_by_models_of_another_run_have_no_fold(
    mean_of_models: pd.DataFrame, predictions: pd.DataFrame
) -> None:
    assert mean_of_models["fold"].isna().all()
    assert mean_of_models.loc["outcome_0", "temperature"].tolist() == pytest.approx([2 ** (1 / 3)] * len(ROWS))
    assert predictions["fold"].notna().all()
    probabilities = np.stack(mean_of_models["probabilities"].to_list())
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    untied = mean_of_models["score"].to_numpy() != 0
    np.testing.assert_array_equal(mean_of_models["decile"][untied], probabilities[untied].argmax(1) + 1)


def test_models_for_other_features_are_refused(spark: SparkSession, work_dir: Path, tmp_path: Path) -> None:
    shape = replace(SHAPE, features=17)
    save_card(str(tmp_path / "models"), [], shape, {}, [])
    with pytest.raises(RunRefused, match="its models need 17 features per view, and this run has 16"):
        stage.run(spark, with_models(planted_config(work_dir, ROWS), tmp_path / "models"))


def test_models_of_other_outcomes_are_refused(spark: SparkSession, work_dir: Path) -> None:
    config = with_models(planted_config(work_dir, ROWS), work_dir / "models", outcomes=["income"])
    with pytest.raises(RunRefused, match=r"none of dataset.outcomes \(income\); it has outcome_0, outcome_1"):
        stage.run(spark, config)


def test_features_that_are_not_finite_fail_with_the_location_id(
    spark: SparkSession, work_dir: Path, tmp_path: Path
) -> None:
    features = ROWS.features.copy()
    features[11, 0, 3] = np.nan
    write_planted_set(spark, replace(ROWS, features=features), str(tmp_path / "training_set"))
    with pytest.raises(Exception, match="location_id location 11 has features that are NaN or infinite"):
        stage.run(spark, with_models(planted_config(tmp_path, ROWS), work_dir / "models"))


def test_a_fold_without_models_fails(spark: SparkSession, work_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "training_set").symlink_to(work_dir / "training_set")
    save(some_models(range(2)), tmp_path)
    with pytest.raises(Exception, match="fold 2 has no models; run the training stage again"):
        stage.run(spark, planted_config(tmp_path, ROWS))
    assert not (tmp_path / "predictions").exists()


def test_missing_models_are_refused(spark: SparkSession, work_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "training_set").symlink_to(work_dir / "training_set")
    with pytest.raises(RunRefused, match="no trained models; run the training stage first"):
        stage.run(spark, planted_config(tmp_path, ROWS))
