"""Errors by group of areas, and Moran's I, against hand-worked values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from streetdeciles.evaluation.breakdowns import breakdowns
from streetdeciles.evaluation.moran import NEIGHBOURS, moran


def test_errors_are_those_of_the_areas_of_a_group() -> None:
    cells = pd.DataFrame(
        [("score_mean", "A", 1, 3.0), ("score_mean", "B", 1, 2.0), ("score_mean", "C", 10, 8.0), ("ridge", "C", 10, 9)],
        columns=["method", "area_id", "true_decile", "predicted_decile"],
    )
    areas = pd.DataFrame({"area_id": ["A", "B", "C"], "district": ["X", None, "X"], "n_locations": [1, 4, 50]})
    rows = {(row["method"], row["by"], row["value"]): row for row in breakdowns(cells, areas)}
    assert {key: (row["n"], row["mae"], row["mean_error"]) for key, row in rows.items()} == {
        ("score_mean", "true_decile", "01"): (2, 1.5, 1.5),
        ("score_mean", "true_decile", "10"): (1, 2, -2),
        ("ridge", "true_decile", "10"): (1, 1, -1),
        ("score_mean", "district", "X"): (2, 2, 0),
        ("ridge", "district", "X"): (1, 1, -1),
        ("score_mean", "n_locations", "1"): (1, 2, 2),
        ("score_mean", "n_locations", "2 to 4"): (1, 1, 1),
        ("score_mean", "n_locations", "50 or more"): (1, 2, -2),
        ("ridge", "n_locations", "50 or more"): (1, 1, -1),
    }


def test_moran_equals_its_definition() -> None:
    random = np.random.default_rng(0)
    points, residuals = random.uniform(0, 1000, (40, 2)), random.normal(size=40)
    weights = np.zeros((40, 40))
    for i in range(40):
        by_distance = np.argsort(np.linalg.norm(points - points[i], axis=1))
        weights[i, by_distance[1 : NEIGHBOURS + 1]] = 1 / NEIGHBOURS
    z = residuals - residuals.mean()
    expected = 40 / weights.sum() * (weights * np.outer(z, z)).sum() / (z**2).sum()
    result = moran(residuals, points, random=random)
    assert result is not None
    assert result.value == pytest.approx(expected)


def test_moran_finds_a_planted_trend_and_none_in_noise() -> None:
    random = np.random.default_rng(1)
    points = random.uniform(0, 1000, (400, 2))
    trend, noise = (moran(values, points, random=random) for values in (points[:, 0], random.normal(size=400)))
    assert trend is not None
    assert noise is not None
    assert trend.value > 0.9
    assert trend.p == 0.005
    assert abs(noise.value + 1 / 399) < 0.1
    assert noise.p > 0.05


def test_moran_of_areas_with_the_same_centre_leaves_each_out() -> None:
    points = np.repeat([[0.0, 0.0], [1000.0, 0.0]], 10, axis=0)
    result = moran(np.repeat([1.0, -1.0], 10), points, random=np.random.default_rng(0))
    assert result is not None
    assert result.value == pytest.approx(1)


def test_moran_is_not_known_of_few_areas_or_equal_errors() -> None:
    points = np.random.default_rng(0).uniform(size=(20, 2))
    assert moran(np.ones(20), points, random=np.random.default_rng(0)) is None
    assert moran(np.arange(7.0), points[:7], random=np.random.default_rng(0)) is None
