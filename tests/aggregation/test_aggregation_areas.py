"""Area deciles by every method, compared with rows computed by hand and with pandas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from config_files import run_config
from small_tables import write_rows
from streetdeciles.aggregation import stage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed
from streetdeciles.run_log import StageReport
from streetdeciles.tables import AREA_LABELS, AREA_PREDICTIONS, LOCATIONS, PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

METHODS = ["score_mean", "score_decile_mean", "decile_mean", "decile_median", "decile_mode"]

# For each area, (score, decile) of its locations; with ten scores, qcut gives each a class of its own, in order.
BY_HAND = {
    "A": [(-3.0, 1), (-2.0, 2)],  # means 1.5 -> 2 (half to even); both modes: 1.5
    "B": [(-1.0, 3), (-0.5, 2)],  # 2.5 -> 2; scores' classes 3 and 4: 3.5 -> 4
    "C": [(0.1, 4), (-0.1, 4), (0.2, 9)],  # classes 6, 5, 7
    "D": [(0.3, 10), (1.5, 1), (2.5, 1)],  # classes 8, 9, 10
}
# For score_mean: the mean score's most probable decile, from scipy's binomial probabilities.
EXPECTED = {
    "A": {"score_decile_mean": 2, "decile_mean": 2, "decile_median": 1.5, "decile_mode": 1.5},
    "B": {"score_decile_mean": 4, "decile_mean": 2, "decile_median": 2.5, "decile_mode": 2.5},
    "C": {"score_decile_mean": 6, "decile_mean": 6, "decile_median": 4, "decile_mode": 4},
    "D": {"score_decile_mean": 9, "decile_mean": 4, "decile_median": 1, "decile_mode": 1},
}


def most_probable(score: float) -> int:
    return int(np.argmax(binom.pmf(np.arange(10), 9, 1 / (1 + np.exp(-score))))) + 1


def make_config(work_dir: Path, **aggregation: Any) -> RunConfig:
    return run_config(work_dir, dataset={"outcomes": ["by_hand", "random", "constant"]}, aggregation=aggregation)


def by_hand() -> pd.DataFrame:
    rows = [(area, score, decile) for area, locations in BY_HAND.items() for score, decile in locations]
    frame = pd.DataFrame(rows, columns=["area_id", "score", "decile"])
    return frame.assign(outcome="by_hand", location_id=[f"h{i}" for i in range(len(frame))])


def random_locations() -> pd.DataFrame:
    random = np.random.default_rng(5)
    n = 1001  # qcut's edges are then scores themselves
    areas = [f"R{i:02d}" for i in random.integers(0, 30, n)]
    scores = random.normal(size=n).round(4)
    deciles = random.integers(1, 11, n)
    ids = [f"r{i}" for i in range(n)]
    return pd.DataFrame({"area_id": areas, "score": scores, "decile": deciles, "outcome": "random", "location_id": ids})


def all_locations() -> pd.DataFrame:
    constant = by_hand().assign(outcome="constant", score=0.0)
    return pd.concat([by_hand(), constant, random_locations()], ignore_index=True)


@pytest.fixture(scope="module")
def finished(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, StageReport]:
    work_dir = tmp_path_factory.mktemp("aggregation")
    located = all_locations()
    unique = located.drop_duplicates("location_id")
    locations = [(row.location_id, "town", row.area_id, None, None, None, None) for row in unique.itertuples()]
    labels = [("town", area, "by_hand", 1.0, decile) for area, decile in zip("ABCE", [1, 2, 3, 4], strict=True)]
    predictions = [
        (row.location_id, row.outcome, "network", 0, row.score, row.decile, None) for row in located.itertuples()
    ]
    predictions.append(("nowhere", "random", "network", 0, 9.0, 10, None))
    predictions.append(("h0", "by_hand", "another", 0, 9.0, 10, None))
    for table, rows in ((LOCATIONS, locations), (AREA_LABELS, labels), (PREDICTIONS, predictions)):
        write_rows(table, rows, work_dir)
    report = stage.run(spark, make_config(work_dir))
    return pd.read_parquet(work_dir / AREA_PREDICTIONS.name), report


def deciles_of(area_predictions: pd.DataFrame, outcome: str, method: str) -> pd.Series[float]:
    is_chosen = (area_predictions["outcome"] == outcome) & (area_predictions["method"] == method)
    chosen = area_predictions[is_chosen]
    return chosen.set_index("area_id")["decile"].sort_index()


@pytest.mark.parametrize("method", METHODS[1:])
def test_deciles_equal_those_computed_by_hand(finished: tuple[pd.DataFrame, StageReport], method: str) -> None:
    assert deciles_of(finished[0], "by_hand", method).to_dict() == {area: EXPECTED[area][method] for area in BY_HAND}


def test_score_mean_is_the_most_probable_decile(finished: tuple[pd.DataFrame, StageReport]) -> None:
    for located in (by_hand(), random_locations()):
        expected = located.groupby("area_id")["score"].mean().map(most_probable)
        deciles = deciles_of(finished[0], located["outcome"].iloc[0], "score_mean")
        assert deciles.to_dict() == expected.to_dict()


def test_methods_equal_pandas(finished: tuple[pd.DataFrame, StageReport]) -> None:
    located = random_locations()
    located["class"] = pd.qcut(located["score"], 10, labels=range(1, 11)).astype(int)
    of_area = located.groupby("area_id")
    expected = {
        "score_decile_mean": np.rint(of_area["class"].mean()),
        "decile_mean": np.rint(of_area["decile"].mean()),
        "decile_median": of_area["decile"].median(),
        "decile_mode": of_area["decile"].agg(lambda deciles: deciles.mode().mean()),
    }
    for method, deciles in expected.items():
        assert deciles_of(finished[0], "random", method).to_dict() == deciles.to_dict()


def test_rows_carry_counts_means_and_the_true_decile(finished: tuple[pd.DataFrame, StageReport]) -> None:
    rows = finished[0].query("outcome == 'by_hand' and method == 'decile_mode'").set_index("area_id").sort_index()
    assert rows["n_locations"].tolist() == [2, 2, 3, 3]
    np.testing.assert_allclose(rows["mean_score"], [-2.5, -0.75, 0.2 / 3, 4.3 / 3])
    assert rows["true_decile"].tolist()[:3] == [1, 2, 3]
    assert pd.isna(rows.loc["D", "true_decile"])
    assert set(finished[0]["level"]) == {"area"}
    assert set(finished[0]["region"]) == {"town"}


def test_equal_scores_have_no_score_deciles_and_a_note(finished: tuple[pd.DataFrame, StageReport]) -> None:
    area_predictions, report = finished
    methods = area_predictions[area_predictions["outcome"] == "constant"].groupby("method").size().to_dict()
    assert methods == dict.fromkeys(["score_mean", "decile_mean", "decile_median", "decile_mode"], 4)
    (note,) = [note for note in report.notes if "constant" in note]
    assert note.startswith("constant in town has no score_decile_mean: the scores of its 10 locations give fewer")


def test_of_two_equally_probable_deciles_the_upper_is_taken(
    finished: tuple[pd.DataFrame, StageReport],
) -> None:
    assert set(deciles_of(finished[0], "constant", "score_mean")) == {6}


def test_counts_say_what_was_not_predicted(finished: tuple[pd.DataFrame, StageReport]) -> None:
    report = finished[1]
    assert report.counts == {
        "predictions (locations x outcomes)": 1022,
        "predictions of unknown locations": 1,
        "areas": 35,
        "areas predicted": 34,
        "rows (areas of all levels x outcomes x methods)": 4 * 5 + 4 * 4 + 30 * 5,
    }
    assert report.notes[0] == "region town: 1 of 35 areas have no predicted location"


def test_missing_predictions_fail(spark: SparkSession, tmp_path: Path) -> None:
    for table in (LOCATIONS, AREA_LABELS, PREDICTIONS):
        write_rows(table, [], tmp_path)
    with pytest.raises(RunFailed, match="predictions: no predictions of the model network"):
        stage.run(spark, make_config(tmp_path))


def test_only_the_chosen_methods_are_written(
    spark: SparkSession, finished: tuple[pd.DataFrame, StageReport], tmp_path: Path
) -> None:
    write_rows(LOCATIONS, [("x", "town", "A", None, None, None, None)], tmp_path)
    write_rows(AREA_LABELS, [], tmp_path)
    write_rows(PREDICTIONS, [("x", "imd", "network", 0, 0.3, 6, None)], tmp_path)
    stage.run(spark, make_config(tmp_path, methods=["decile_mean", "score_mean"]))
    assert sorted(pd.read_parquet(tmp_path / AREA_PREDICTIONS.name)["method"]) == ["decile_mean", "score_mean"]
