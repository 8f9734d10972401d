"""Each baseline against scikit-learn, or numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from streetdeciles.baselines import components
from streetdeciles.baselines.areas import Areas
from streetdeciles.baselines.components import principal_components
from streetdeciles.baselines.neighbours import Neighbours
from streetdeciles.baselines.pooling import pool_features
from streetdeciles.baselines.predict import predict_areas
from streetdeciles.baselines.regression import PENALTIES, ridge


def areas_of(folds: list[list[int]], deciles: list[float], buffers: dict[int, str] | None = None) -> Areas:
    buffers = buffers or {}
    rows = [
        {
            "region": "town",
            "area_id": f"E{i}",
            "fold": fold,
            "buffer_of": buffers.get(i, ""),
            "imd": deciles[i],
        }
        for i, of_area in enumerate(folds)
        for fold in of_area
    ]
    return Areas.of(pd.DataFrame(rows), ["imd"], pd.DataFrame({"area_id": [], "x": [], "y": []}))


def by_area(predicted: pd.DataFrame, model: str) -> dict[str, float]:
    return predicted[predicted["model"] == model].set_index("area_id")["decile"].to_dict()


def test_median_is_that_of_the_areas_learned_from() -> None:
    predicted = predict_areas(areas_of([[0], [0], [1], [1], [1]], [1, 2, 7, 8, 10]))
    assert by_area(predicted, "median") == {"E0": 8, "E1": 8, "E2": 2, "E3": 2, "E4": 2}  # 1.5 -> 2


def test_area_in_two_folds_is_not_learned_from_in_either() -> None:
    predicted = predict_areas(areas_of([[0, 1], [0], [1], [2]], [10, 2, 4, 6]))
    # Fold 0 learns from E2 and E3: 5; fold 1 from E1 and E3: 4; fold 2 from E0, E1 and E2: 4.
    assert by_area(predicted, "median") == {"E0": 4, "E1": 5, "E2": 4, "E3": 4}  # (5 + 4) / 2 -> 4


def test_validated_areas_and_unknown_deciles_are_not_learned_from() -> None:
    predicted = predict_areas(areas_of([[-1], [-1], [-1], [-2], [0]], [3, 5, np.nan, 10, 9]))
    assert by_area(predicted, "median") == {"E4": 4}


def test_by_class_learns_from_the_other_deciles() -> None:
    predicted = predict_areas(areas_of([[-1]] * 4, [1, 2, 2, 9]), held_out_deciles=[9])
    assert by_area(predicted, "median") == {"E3": 2}


def test_buffer_of_a_fold_is_not_learned_from_there() -> None:
    predicted = predict_areas(areas_of([[0], [1], [1], [2]], [1, 3, 5, 9], {1: "0", 3: "0 1"}))
    # Fold 0 learns from E2 alone, fold 1 from E0, fold 2 from E0, E1 and E2.
    assert by_area(predicted, "median") == {"E0": 5, "E1": 1, "E2": 1, "E3": 3}


def test_nearest_area_alone_predicts_where_that_is_best() -> None:
    points = np.array([[0.0, 0.0], [400.0, 0.0], [90_000.0, 0.0], [90_400.0, 0.0]])
    deciles = Neighbours(points, np.array([[100.0, 0.0], [80_000.0, 0.0]])).deciles(np.array([2.0, 2.0, 9.0, 9.0]))
    assert deciles == pytest.approx([2, 9])


def test_mean_of_two_neighbours_equals_the_hand_worked_one() -> None:
    # Inner areas are the mean of their two neighbours, so two neighbours err least.
    points = np.stack([np.arange(5) * 1000.0, np.zeros(5)], axis=1)
    predicted = Neighbours(points, np.array([[1250.0, 0.0]])).deciles(np.array([1.0, 3.0, 5.0, 7.0, 9.0]))
    assert predicted == pytest.approx([(3 / 250 + 5 / 750) / (1 / 250 + 1 / 750)])


@pytest.mark.parametrize("n_columns", [5, 60])
def test_ridge_on_components_equals_that_on_the_columns(n_columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "ROWS_PER_CHUNK", 7)
    random = np.random.default_rng(3)
    columns = random.normal(size=(40, n_columns)) * random.uniform(0.1, 9, n_columns) + 5
    learned = np.arange(40) < 30
    deciles = np.clip(np.rint(columns[:, 0] + random.normal(size=40)), 1, 10)
    scaler = StandardScaler().fit(columns[learned])
    model = RidgeCV(PENALTIES).fit(scaler.transform(columns[learned]), deciles[learned])
    predicted = ridge(principal_components(columns, learned), deciles, learned)
    np.testing.assert_allclose(predicted, model.predict(scaler.transform(columns)), rtol=1e-6)


def test_features_are_pooled_over_the_photographs_of_an_area(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(5, 2, 3)).astype(np.float32)
    mask = np.array([[True, True], [True, False], [True, True], [False, True], [True, True]])
    areas = np.array(["A", "B", "A", "B", "A"], dtype=object)
    batches = [
        {"region": np.full(len(rows), "town", object), "area_id": areas[rows], "features": features[rows],
         "view_mask": mask[rows]}
        for rows in ([0, 1], [2, 3, 4])
    ]  # fmt: skip
    keys = pd.DataFrame({"region": "town", "area_id": ["A", "B"]})
    pooled = pool_features(batches, keys, tmp_path)
    for row, area in enumerate(["A", "B"]):
        seen = features[areas == area][mask[areas == area]]
        np.testing.assert_allclose(pooled[row], [*seen.mean(axis=0), *seen.std(axis=0)], rtol=1e-5, atol=1e-6)


def test_features_and_covariates_are_learned_without_the_held_out() -> None:
    """A planted signal is found, and held-out deciles do not change the predictions of their areas."""
    random = np.random.default_rng(1)
    deciles = np.tile(np.arange(1.0, 11), 12)
    pooled = random.normal(size=(120, 30)) + deciles[:, None] * random.normal(size=30)
    covariates = np.stack([deciles + random.normal(size=120), np.full(120, np.nan)], axis=1)
    folds = random.permutation(np.arange(120) % 3)
    predicted = {}
    for name, changed in (("as is", deciles), ("changed", np.where(folds == 1, 11 - deciles, deciles))):
        areas = areas_of([[int(fold)] for fold in folds], list(changed))
        order = areas.keys["area_id"].str[1:].astype(int)
        predicted[name] = predict_areas(areas, pooled=pooled[order], covariates=covariates[order])
    truth = {f"E{i}": decile for i, decile in enumerate(deciles)}
    for model in ("ridge", "boosting", "covariates"):
        unchanged = by_area(predicted["as is"], model)
        assert np.mean([abs(unchanged[area] - truth[area]) for area in truth]) < 1.2
        of_changed = by_area(predicted["changed"], model)
        assert all(of_changed[f"E{i}"] == unchanged[f"E{i}"] for i in np.flatnonzero(folds == 1))
