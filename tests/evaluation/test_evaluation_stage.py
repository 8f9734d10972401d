"""The whole stage on small tables: measures of the network and of the baseline, counts and notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from config_files import run_config
from planted_rows import write_locations_of_areas
from small_tables import write_rows
from streetdeciles.config import RunConfig
from streetdeciles.evaluation import scored, stage
from streetdeciles.evaluation.calibration import calibration_rows, ranked_probability_scores
from streetdeciles.evaluation.comparisons import worse_than_median
from streetdeciles.methods import MEASURES
from streetdeciles.ordinal.measures import measures
from streetdeciles.ordinal.tempered import probabilities
from streetdeciles.run_log import StageReport
from streetdeciles.tables import AREA_LABELS, AREA_PREDICTIONS, DECILE_COUNTS, LOCATIONS, METRICS, PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AREAS = 24
PER_AREA = 5
UNLABELLED = 23
FOLDS = 2
TEMPERATURE = 2.0


def make_config(work_dir: Path) -> RunConfig:
    return run_config(work_dir, dataset={"outcomes": ["imd", "imd_crime", "imd_health"]}, evaluation={"bootstrap": 50})


def true_decile(area: int) -> int | None:
    return None if area == UNLABELLED else area % 10 + 1


def predicted_decile(i: int) -> int:
    return (i * 7 + i // PER_AREA) % 10 + 1


def area_decile(area: int, method: str) -> float:
    return float(area % 7 + 1) if method == "score_mean" else area % 19 / 2 + 1


def score(i: int) -> float:
    return (i * 7 % 12 - 5.5) / 3


def area_score(area: int) -> float:
    return area / 10 - 1


def predicted_counts(area: int) -> list[int]:
    """How often each decile is predicted for a location of the area."""
    predicted = [predicted_decile(i) for i in range(area * PER_AREA, (area + 1) * PER_AREA)]
    return [predicted.count(decile) for decile in range(1, 11)]


def median_of_the_others(area: int) -> float:
    """The median decile of the areas in the other fold."""
    known = [true_decile(other) for other in range(AREAS) if other % FOLDS != area % FOLDS and other != UNLABELLED]
    return float(np.rint(np.median([decile for decile in known if decile is not None])))


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def finished(spark: SparkSession, work_dir: Path) -> tuple[pd.DataFrame, StageReport]:
    locations = [(f"L{i}", i // PER_AREA) for i in range(AREAS * PER_AREA)]
    write_rows(LOCATIONS, [(name, "town", f"E{area}", *[None] * 4) for name, area in locations], work_dir)
    labels = [("town", f"E{area}", "imd", 1.0, true_decile(area)) for area in range(AREAS)]
    write_rows(AREA_LABELS, labels, work_dir)
    counts = [
        ("town", f"E{area}", outcome, *predicted_counts(area), true_decile(area) if outcome == "imd" else None)
        for area in range(AREAS)
        for outcome in ("imd", "imd_crime")  # imd_crime has no labels at all
    ]
    write_rows(DECILE_COUNTS, counts, work_dir)
    areas = [
        (*("town", "area", f"E{area}", "imd", method), PER_AREA - area % 2, area_score(area))
        + (area_decile(area, method), true_decile(area), 0.25)
        for area in range(AREAS)
        for method in ("score_mean", "decile_median")
    ]
    write_rows(AREA_PREDICTIONS, areas, work_dir)
    predictions = [
        (name, "imd", "network", area % FOLDS, score(i), predicted_decile(i), None, TEMPERATURE)
        for i, (name, area) in enumerate(locations)
    ]
    write_rows(PREDICTIONS, predictions, work_dir)
    trained = [(name, "town", f"E{area}", area % FOLDS, (true_decile(area), None, None)) for name, area in locations]
    write_locations_of_areas(spark, trained, work_dir, "imd", "imd_crime", "imd_health")
    report = stage.run(spark, make_config(work_dir))
    return pd.read_parquet(work_dir / METRICS.name), report


def check(row: pd.Series[float], true: list[float], predicted: list[float]) -> None:
    assert row["n"] == len(true)
    for name, value in measures(true, predicted).items():
        if value is None:
            assert pd.isna(row[name])
            assert pd.isna(row[f"{name}_low"])
        else:
            assert row[name] == pytest.approx(value)
            assert row[f"{name}_low"] <= row[f"{name}_high"]


def one(metrics: pd.DataFrame, level: str, method: str) -> pd.Series[float]:
    (index,) = np.flatnonzero((metrics["level"] == level) & (metrics["method"] == method))
    return metrics.iloc[index]


def test_locations_are_measured_against_their_area(finished: tuple[pd.DataFrame, StageReport]) -> None:
    labelled = [i for i in range(AREAS * PER_AREA) if i // PER_AREA != UNLABELLED]
    true = [float(true_decile(i // PER_AREA) or 0) for i in labelled]
    check(one(finished[0], "location", "prediction"), true, [predicted_decile(i) for i in labelled])
    check(one(finished[0], "location", "median"), true, [median_of_the_others(i // PER_AREA) for i in labelled])


@pytest.mark.parametrize("method", ["score_mean", "decile_median"])
def test_areas_are_measured_by_every_method(finished: tuple[pd.DataFrame, StageReport], method: str) -> None:
    areas = [area for area in range(AREAS) if area != UNLABELLED]
    true = [float(true_decile(area) or 0) for area in areas]
    check(one(finished[0], "area", method), true, [area_decile(area, method) for area in areas])


def test_baseline_has_rows_beside_the_network(finished: tuple[pd.DataFrame, StageReport]) -> None:
    rows = finished[0].sort_values(["level", "method"])[["region", "outcome", "level", "method", "model"]]
    assert rows.to_numpy().tolist() == [
        ["town", "imd", "area", "boosting", "boosting"],
        ["town", "imd", "area", "decile_median", "network"],
        ["town", "imd", "area", "median", "median"],
        ["town", "imd", "area", "ridge", "ridge"],
        ["town", "imd", "area", "score_mean", "network"],
        ["town", "imd", "location", "median", "median"],
        ["town", "imd", "location", "prediction", "network"],
    ]
    baseline = one(finished[0], "area", "median")
    areas = [area for area in range(AREAS) if area != UNLABELLED]
    true = [float(true_decile(area) or 0) for area in areas]
    check(baseline, true, [median_of_the_others(area) for area in areas])
    assert list(finished[0]) == list(METRICS.columns)
    assert set(MEASURES) < {*finished[0]}


@pytest.fixture(scope="module")
def tables(finished: tuple[pd.DataFrame, StageReport], work_dir: Path) -> dict[str, pd.DataFrame]:
    names = ("calibration", "area_intervals", "fold_metrics")
    return {name: pd.read_parquet(work_dir / name) for name in names}


def labelled_locations() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The area, score and true decile of each location whose decile is known."""
    labelled = [i for i in range(AREAS * PER_AREA) if i // PER_AREA != UNLABELLED]
    areas = np.array(labelled) // PER_AREA
    return areas, np.array([score(i) for i in labelled]), np.array([true_decile(area) for area in areas])


def test_calibration_has_locations_before_and_after(tables: dict[str, pd.DataFrame]) -> None:
    _, scores, deciles = labelled_locations()
    expected = pd.DataFrame(calibration_rows(scores, np.full(len(scores), TEMPERATURE), deciles))
    rows = tables["calibration"].query("level == 'location'")
    assert set(zip(rows["region"], rows["outcome"], strict=True)) == {("town", "imd")}
    keys = ["calibrated", "measure", "bin"]
    both = rows.merge(expected, on=keys, suffixes=("", "_expected"))
    assert len(both) == len(rows) == len(expected)
    for name in ("n", "predicted", "observed", "size"):
        np.testing.assert_allclose(both[name].astype(float), both[f"{name}_expected"].astype(float))


@pytest.mark.usefixtures("finished")
def test_of_too_many_locations_a_sample_is_measured(
    spark: SparkSession, work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = pd.DataFrame({"region": "town", "area_id": [f"E{area}" for area in range(AREAS)], "n_locations": PER_AREA})

    def measured(max_locations: int) -> set[tuple[int, float]]:
        monkeypatch.setattr(scored, "MAX_LOCATIONS", max_locations)
        (group,) = scored.scored_locations(spark, make_config(work_dir), areas)
        assert group.deciles.tolist() == [true_decile(area) for area in group.area]
        return set(zip(group.area.tolist(), group.scores.tolist(), strict=True))

    everything, third = measured(AREAS * PER_AREA), measured(AREAS * PER_AREA // 3)
    assert len(everything) == (AREAS - 1) * PER_AREA
    assert third < everything
    assert len(third) == pytest.approx(len(everything) / 3, abs=4 * np.sqrt(len(everything) * 2 / 9))
    assert measured(AREAS * PER_AREA // 3) == third


def test_intervals_are_whole_deciles_with_their_observed_coverage(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["area_intervals"]
    assert len(rows) == AREAS
    assert set(rows["method"]) == {"score_mean"}
    assert rows["few_locations"].tolist() == [int(area[1:]) % 2 == 1 for area in rows["area_id"]]
    assert set(rows["score_se"]) == {0.25}
    assert (rows["decile_low"] <= rows["decile_high"]).all()
    true = rows["area_id"].map(lambda area: true_decile(int(area[1:])))
    known = rows[true.notna()]
    (observed,) = tables["calibration"].query("level == 'area'").to_dict("records")
    assert observed["bin"] == 80
    assert observed["predicted"] == 0.8
    assert observed["n"] == len(known) == AREAS - 1
    holds = true[true.notna()].between(known["decile_low"], known["decile_high"])
    assert observed["observed"] == pytest.approx(holds.mean())


def test_fold_metrics_equal_those_of_each_fold(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["fold_metrics"].set_index("fold").sort_index()
    assert set(zip(rows["region"], rows["outcome"], rows["level"], rows["method"], strict=True)) == {
        ("town", "imd", "area", "score_mean")
    }
    for fold in range(FOLDS):
        areas = [area for area in range(fold, AREAS, FOLDS) if area != UNLABELLED]
        true = np.array([true_decile(area) for area in areas], float)
        predicted = np.array([area_decile(area, "score_mean") for area in areas])
        assert rows.loc[fold, "n"] == len(areas)
        assert rows.loc[fold, "mae"] == pytest.approx(np.abs(true - predicted).mean())
        assert rows.loc[fold, "spearman"] == pytest.approx(spearmanr(true, predicted).statistic)


def test_ranked_probability_score_is_in_the_rows_of_locations(finished: tuple[pd.DataFrame, StageReport]) -> None:
    _, scores, deciles = labelled_locations()
    network, median = (one(finished[0], "location", method) for method in ("prediction", "median"))
    expected = ranked_probability_scores(probabilities(scores, TEMPERATURE), deciles).mean()
    assert network["rps"] == pytest.approx(expected)
    assert network["rps_low"] < network["rps"] < network["rps_high"]
    assert median["rps"] == median["mae"], "one decile is predicted for certain"
    assert finished[0].query("level == 'area'")["rps"].isna().all()


def test_counts_and_notes_say_what_was_not_measured(finished: tuple[pd.DataFrame, StageReport]) -> None:
    report = finished[1]
    assert report.counts == {
        "location predictions measured": 115,
        "location predictions without a true decile": 125,
        "area predictions measured": 46,
        "area predictions without a true decile": 2,
        "rows (regions x outcomes x levels x methods)": 7,
    }
    assert report.notes[:2] == [  # the others compare with the baselines
        "imd_crime in town: no predicted location has a true decile to measure against",
        "imd_health: no predictions",
    ]


def test_worse_than_median_names_outcomes_and_regions() -> None:
    rows = [
        ("town", "imd", "area", "score_mean", 3.0),
        ("town", "imd", "area", "median", 2.5),
        ("town", "imd_crime", "area", "score_mean", 2.5),
        ("town", "imd_crime", "area", "median", 2.5),
        ("hills", "imd", "area", "score_mean", 2.0),
        ("hills", "imd", "area", "decile_mode", 4.0),
        ("hills", "imd", "area", "median", 2.5),
        ("hills", "imd", "location", "prediction", 4.0),
        ("hills", "imd", "location", "median", 2.5),
    ]
    metrics = pd.DataFrame(rows, columns=["region", "outcome", "level", "method", "mae"])

    assert "for imd in town (3.00 against 2.50): do not use" in worse_than_median(metrics, "score_mean")
    assert "for imd in hills (4.00 against 2.50): do not use" in worse_than_median(metrics, "decile_mode")
    assert worse_than_median(metrics[metrics["outcome"] == "imd_crime"], "score_mean") == ""


def test_stage_notes_a_network_worse_than_the_median(finished: tuple[pd.DataFrame, StageReport]) -> None:
    metrics, report = finished
    areas = metrics[(metrics["level"] == "area") & (metrics["outcome"] == "imd")].set_index("method")["mae"]

    assert areas["score_mean"] > areas["median"], "the planted predictions are bad ones"
    assert any(f"({areas['score_mean']:.2f} against {areas['median']:.2f})" in note for note in report.notes)
