"""Each mode and split of the reference, from a training set to measures: what is predicted, and by whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest

from planted_rows import planted_config, planted_rows, write_planted_set
from small_tables import write_rows
from streetdeciles import plans, terminal
from streetdeciles.aggregation import stage as aggregation
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.evaluation import stage as evaluation
from streetdeciles.prediction import stage as prediction
from streetdeciles.run_log import StageReport
from streetdeciles.tables import AREA_LABELS, LOCATIONS
from streetdeciles.training import stage as training
from streetdeciles.training.curve_stage import learning_curve
from streetdeciles.training_set.fold_codes import LEARNED, VALIDATED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.whole

ROWS = planted_rows(areas=40, per_area=3)
ALL = np.arange(len(ROWS))
PARTS = {"train_test": (0, LEARNED, LEARNED), "train_validation_test": (0, VALIDATED, LEARNED)}
"""What becomes of the planted folds 0, 1 and 2; with the other splits all are LEARNED."""

DATASETS: dict[str, dict[str, Any]] = {
    "folds": {"folds": 3},
    "train_test": {},
    "train_validation_test": {},
    "by_class": {"held_out_deciles": [1, 10]},
    "train_only": {},
    "test_only": {},
}


@dataclass(frozen=True)
class Made:
    """A work_dir, and the reports of its stages."""

    config: RunConfig
    reports: dict[str, StageReport]

    @property
    def work_dir(self) -> Path:
        return Path(self.config.work_dir)

    def predicted(self, outcome: str) -> dict[int, float]:
        """Row -> score of the rows that are predicted."""
        table = pd.read_parquet(self.work_dir / "predictions")
        own = table[table["outcome"] == outcome]
        assert own["location_id"].is_unique
        return dict(zip(own["location_id"].str.removeprefix("location ").astype(int), own["score"], strict=True))

    def card(self) -> dict[str, Any]:
        card: dict[str, Any] = json.loads((self.work_dir / "models" / "model_card.json").read_text())
        return card

    def scores(self, outcome: str, fold: int = 0) -> np.ndarray:
        """Of every row by one model."""
        network = keras.saving.load_model(self.work_dir / "models" / outcome / f"{fold}.keras")
        return np.asarray(network({"features": ROWS.features, "view_mask": ROWS.view_mask}))[:, 0]


Make = Callable[..., Made]


@pytest.fixture(scope="module")
def make(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Runs `stages` in a work_dir that holds what the stages before them would have made, by the names of modules."""

    def made(split: str, *stages: Any, models: Path | None = None, **settings: Any) -> Made:
        work_dir = tmp_path_factory.mktemp(split)
        parts = PARTS.get(split, (LEARNED,) * 3)
        rows = ROWS if split == "folds" else replace(ROWS, fold=np.array(parts, np.int32)[ROWS.fold])
        write_planted_set(spark, rows, str(work_dir / "training_set"))
        areas = [f"area {area:04d}" for area in ROWS.area]
        places = [(f"location {i}", "somewhere", areas[i], None, None, None, None) for i in ALL]
        labels = {
            ("somewhere", areas[i], outcome, 0.0, int(ROWS.deciles[i, o]))
            for i in ALL
            for o, outcome in enumerate(ROWS.outcomes)
        }
        write_rows(LOCATIONS, places, work_dir)
        write_rows(AREA_LABELS, sorted(labels), work_dir)
        values = planted_config(work_dir, ROWS, **settings).model_dump()
        values["dataset"] = {"outcomes": list(ROWS.outcomes), "split": split, **DATASETS[split]}
        values["prediction"]["models"] = str(models) if models else None
        values["evaluation"]["bootstrap"] = 0
        config = RunConfig.model_validate(values)
        names = [stage.__name__.split(".")[1] for stage in stages]
        return Made(config, dict(zip(names, [stage.run(spark, config) for stage in stages], strict=True)))

    return made


@pytest.fixture(scope="module")
def trained(make: Make) -> Made:
    """The reference's mode `train`: to a model of a city, of which a part is held out."""
    return make("train_test", training, prediction, aggregation, evaluation)


def test_train_test_predicts_the_held_out_part_alone(trained: Made) -> None:
    held_out = np.flatnonzero(ROWS.fold == 0)
    for outcome in ROWS.outcomes:
        scores = trained.scores(outcome)
        assert trained.predicted(outcome) == pytest.approx(
            {i: scores[i] for i in held_out.tolist()}, rel=1e-4, abs=1e-5
        )
    assert trained.reports["training"].counts["models"] == 2
    assert "folds" not in trained.reports["training"].counts
    assert trained.reports["prediction"].counts == {
        "locations": len(ROWS),
        "held out": len(held_out),
        "not held out, not predicted": len(ROWS) - len(held_out),
        "outcomes": 2,
        "predictions": 2 * len(held_out),
    }
    assert trained.card()["split"] == {"split": "train_test", "split_level": "area", "test_share": 0.2}


def test_only_held_out_places_are_measured(trained: Made) -> None:
    held_out = ROWS.fold == 0
    n_areas = len(np.unique(ROWS.area[held_out]))
    metrics = pd.read_parquet(trained.work_dir / "metrics").set_index(["level", "method", "outcome"])["n"]
    assert set(metrics.loc["location"]) == {held_out.sum()}
    assert set(metrics.loc["area"].loc["score_mean"]) == {n_areas}
    notes = trained.reports["aggregation"].notes
    assert f"region somewhere: {40 - n_areas} of 40 areas have no predicted location" in notes


def test_train_validation_test_validates_on_the_part_for_it(make: Make) -> None:
    made = make("train_validation_test", training, prediction)
    for outcome in ROWS.outcomes:
        assert {*made.predicted(outcome)} == {*np.flatnonzero(ROWS.fold == 0).tolist()}
    model = made.card()["models"][0]
    validated = ROWS.fold == 1
    deciles = np.minimum(np.floor(10 / (1 + np.exp(-made.scores("outcome_0")))), 9) + 1
    assert model["val_mae"] == pytest.approx(np.abs(deciles - ROWS.deciles[:, 0])[validated].mean(), abs=1.5 / 40)
    assert made.card()["split"]["validation_share"] == 0.15


def test_by_class_predicts_each_outcomes_own_held_out_deciles(make: Make) -> None:
    made = make("by_class", training, prediction, aggregation, evaluation)
    rows_of = [np.flatnonzero(np.isin(ROWS.deciles[:, o], [1, 10])).tolist() for o in range(2)]
    assert rows_of[0] != rows_of[1]
    for rows, outcome in zip(rows_of, ROWS.outcomes, strict=True):
        scores = made.scores(outcome)
        assert made.predicted(outcome) == pytest.approx({i: scores[i] for i in rows}, rel=1e-4, abs=1e-5)
    counts = made.reports["prediction"].counts
    assert counts["held out"] == len({*rows_of[0], *rows_of[1]})
    assert counts["predictions"] == len(rows_of[0]) + len(rows_of[1])
    metrics = pd.read_parquet(made.work_dir / "metrics")
    n = metrics[(metrics["level"] == "location") & (metrics["model"] == "network")].set_index("outcome")["n"]
    assert n.to_dict() == {outcome: len(rows) for outcome, rows in zip(ROWS.outcomes, rows_of, strict=True)}
    assert any("of decile 1, 10 alone into ten classes" in note for note in made.reports["aggregation"].notes)


def test_one_fold_is_trained_and_predicted_alone(make: Make) -> None:
    """Its models are those of a training of all folds: see test_training_assignments."""
    made = make("folds", training, prediction, folds=[1])
    assert [(model["outcome"], model["fold"]) for model in made.card()["models"]] == [
        ("outcome_0", 1),
        ("outcome_1", 1),
    ]
    own = np.flatnonzero(ROWS.fold == 1).tolist()
    for outcome in ROWS.outcomes:
        scores = made.scores(outcome, fold=1)
        assert made.predicted(outcome) == pytest.approx({i: scores[i] for i in own}, rel=1e-4, abs=1e-5)
    assert made.reports["training"].counts["folds"] == 1
    assert made.reports["prediction"].counts["not held out, not predicted"] == len(ROWS) - len(own)


@pytest.fixture(scope="module")
def learned_from_everything(make: Make) -> Made:
    return make("train_only", training)


def test_train_only_learns_and_predicts_nothing(
    learned_from_everything: Made, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    made = learned_from_everything
    assert [(model["outcome"], model["fold"]) for model in made.card()["models"]] == [
        ("outcome_0", 0),
        ("outcome_1", 0),
    ]
    with pytest.raises(RunRefused, match="train_only holds no location out, so none can be predicted honestly"):
        prediction.run(spark, made.config)
    with pytest.raises(RunRefused, match="a learning curve needs held-out locations"):
        learning_curve(made.config)
    assert [stage.name for stage in plans.stages_of(made.config)] == [
        "labels",
        "images",
        "features",
        "dataset",
        "training",
    ]
    with pytest.raises(RunRefused, match="holds nothing out, so there is nothing to predict or to measure"):
        plans.plan(made.config, ["report"], force=False)
    terminal.show_results(made.config)
    assert "models; nothing is held out, so nothing was predicted or measured" in capsys.readouterr().out


@pytest.fixture(scope="module")
def tuned(make: Make, trained: Made) -> Made:
    """The mode `fine-tune`: the models of one city go on with another, of which a part is held out."""
    return make("train_test", training, prediction, start_from=str(trained.work_dir / "models"), epochs=1)


def test_fine_tuning_starts_from_the_models_that_are_given(tuned: Made, trained: Made) -> None:
    assert {*tuned.predicted("outcome_1")} == {*np.flatnonzero(ROWS.fold == 0).tolist()}
    assert any(note.startswith("started from") for note in tuned.reports["training"].notes)
    before, after = trained.scores("outcome_1"), tuned.scores("outcome_1")
    assert np.corrcoef(before, after)[0, 1] > 0.8
    assert not np.allclose(before, after)


@pytest.mark.parametrize("which", ["trained", "tuned"])
def test_modes_test_predict_every_location_by_given_models(
    make: Make, request: pytest.FixtureRequest, which: str
) -> None:
    """`test` is by the models of a training, `fine-tune test` by those of a fine-tuning."""
    given: Made = request.getfixturevalue(which)
    made = make("test_only", prediction, models=given.work_dir / "models")
    for outcome in ROWS.outcomes:
        expected = dict(enumerate(given.scores(outcome).tolist()))
        assert made.predicted(outcome) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert made.reports["prediction"].notes == [
        f"scores are the mean of 1 models per outcome, from {given.work_dir}/models; not held out"
    ]
    assert "training" not in [stage.name for stage in plans.stages_of(made.config)]


def test_nothing_held_out_of_what_was_trained_is_told(learned_from_everything: Made, spark: SparkSession) -> None:
    made = learned_from_everything
    config = made.config.model_copy(
        update={"dataset": made.config.dataset.model_copy(update={"split": "train_test", "test_share": 0.2})}
    )
    with pytest.raises(RunFailed, match="no location is held out for outcome_0, outcome_1"):
        prediction.run(spark, config)
