"""Charts of an outcome's areas: scores and errors by actual decile, the worst areas, and folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from streetdeciles.report.by_decile import LEFT, MAX_DOTS, WIDTH, mean_errors, scatter
from streetdeciles.report.collect import SEVERAL_FOLDS
from streetdeciles.report.folds import count_folds, folds_of
from streetdeciles.report.worst import worst_areas

NAN = float("nan")


def areas_of(scores: list[float], true: list[float], deciles: list[float]) -> pd.DataFrame:
    names = [f"E{i}" for i in range(len(scores))]
    return pd.DataFrame(
        {"area_id": names, "mean_score": scores, "score_se": None, "true_decile": true, "decile": deciles}
    )


def test_scatter_has_a_dot_where_decile_and_score_are_known() -> None:
    chart = scatter(areas_of([-2.0, 2.0, NAN, 0.0], [1, 10, 5, NAN], [2, 9, NAN, 5]), ["E1", "E0", "E2", "E3"])
    assert chart is not None
    assert [(dot.area, dot.decile) for dot in chart.dots] == [(1, 2), (0, 9)]
    assert (chart.n, chart.cells) == (2, [])
    assert [tick.label for tick in chart.y_ticks] == ["−2", "−1", "0", "1", "2"]
    lowest, highest = (dot.y for dot in chart.dots)
    assert [lowest, highest] == [chart.y_ticks[0].at, chart.y_ticks[-1].at]
    assert chart.medians == [(61.0 - 0.4, lowest), (432.0 - 0.6, highest)]


def test_scatter_dots_stay_in_the_column_of_their_decile() -> None:
    random = np.random.default_rng(0)
    true = random.integers(1, 11, 500)
    chart = scatter(
        areas_of(random.normal(0, 1, 500).tolist(), true.tolist(), true.tolist()), [f"E{i}" for i in range(500)]
    )
    assert chart is not None
    side = (WIDTH - LEFT - 8) / 10
    assert all((dot.x - LEFT) // side + 1 == true[dot.area] for dot in chart.dots)


def test_scatter_draws_95_percent_intervals_where_the_error_is_known() -> None:
    areas = areas_of([0.0, 1.0], [1, 2], [2, 3]).assign(score_se=[1 / 1.96, NAN])
    chart = scatter(areas, ["E0", "E1"])
    assert chart is not None
    at = {tick.label: tick.at for tick in chart.y_ticks}
    assert [(dot.low, dot.high) for dot in chart.dots] == [(at["−1"], at["1"]), (None, None)]


def test_scatter_of_many_areas_counts_each_once() -> None:
    n = MAX_DOTS + 1
    scores = np.linspace(-3, 3, n)
    chart = scatter(areas_of(scores.tolist(), [1 + i % 10 for i in range(n)], [5.0] * n), [])
    assert chart is not None
    assert chart.dots == []
    assert sum(cell.n for cell in chart.cells) == n
    assert max(cell.strength for cell in chart.cells) == 1


def test_scatter_without_scores_is_left_out() -> None:
    assert scatter(areas_of([NAN], [1], [NAN]), ["E0"]) is None


def test_mean_errors_rise_above_zero_for_areas_predicted_too_high() -> None:
    rows = [("area", "score_mean", "true_decile", "01", 12, 1.5), ("area", "score_mean", "true_decile", "10", 9, -1.0)]
    others = [("area", "score_mean", "district", "Bury", 21, 0.1), ("area", "median", "true_decile", "01", 12, 4.0)]
    chart = mean_errors(
        pd.DataFrame(rows + others, columns=["level", "method", "by", "value", "n", "mean_error"]), "score_mean"
    )
    assert chart is not None
    first, last = chart.bars
    assert (first.decile, first.n, first.value, last.decile, last.n, last.value) == (1, 12, 1.5, 10, 9, -1.0)
    assert first.y + first.height == pytest.approx(chart.zero)
    assert last.y == chart.zero
    assert first.height == pytest.approx(1.5 * last.height, abs=0.1)


def test_worst_areas_are_listed_by_score() -> None:
    areas = areas_of([0.1 * ((7 * i) % 25) for i in range(25)], [5] * 25, [4] * 24 + [NAN])
    listed = worst_areas(metrics_of(), areas, [f"E{i}" for i in range(25)], "score_mean").listed
    assert [row.area for row in listed] == [0, 18, 11]  # a tenth of 24, rounded up: 7 i mod 25 is 0, 1, 2


def test_worst_areas_are_recognised_by_models_and_baselines() -> None:
    recognised = worst_areas(metrics_of(), areas_of([0.0], [NAN], [1]), ["E0"], "score_mean").recognised
    assert [row.label for row in recognised] == ["the models", "deciles of the nearest areas"]
    assert recognised[0].shares == [("50 %", "40 to 60"), ("–", ""), ("75 %", ""), ("100 %", "")]


def metrics_of() -> pd.DataFrame:
    known = {"recall_10": 0.5, "recall_10_low": 0.4, "recall_10_high": 0.6, "recall_20": 0.75, "precision_20": 1.0}
    keys = [
        ("area", "score_mean", "network"),
        ("area", "decile_mean", "network"),
        ("area", "neighbours", "neighbours"),
        ("location", "prediction", "network"),
    ]
    return pd.DataFrame([{"level": level, "method": method, "model": model, **known} for level, method, model in keys])


def test_folds_are_counted_by_actual_decile() -> None:
    areas = pd.DataFrame(
        {
            "area_id": ["a", "b", "c", "d"],
            "fold": [0.0, 1.0, SEVERAL_FOLDS, NAN],
            "true_decile": [1, 10, 2, 3],
            "n_locations": [4, 5, 6, 0],
        }
    )
    several, first, second = count_folds(areas)
    assert (several.label, several.by_decile[1], several.n_areas) == ("in several folds", 1, 1)
    assert (first.label, first.by_decile[0], first.n_locations) == ("fold 0", 1, 4)
    assert (second.label, second.by_decile[9], second.n_locations) == ("fold 1", 1, 5)
    assert folds_of(areas, ["d", "b", "a"]) == [None, 1, 0]
    assert count_folds(areas.assign(fold=0.0)) == []
    assert folds_of(areas.assign(fold=0.0), ["a"]) is None
