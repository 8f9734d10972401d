"""The measures against hand-worked values and against scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from streetdeciles.methods import MAIN_MEASURES
from streetdeciles.ordinal.measures import measures


def test_measures_of_a_hand_worked_case() -> None:
    # distances 0, 1, 2, 0.5; rounded half to even: 1, 3, 5, 4
    measured = measures([1, 2, 3, 4], [1, 3, 5, 4.5])
    assert tuple(measured) == MAIN_MEASURES
    assert measured["mae"] == pytest.approx(3.5 / 4)
    assert measured["accuracy"] == 0.5
    assert measured["within_1"] == 0.75
    # mean squared distance 5/4; by chance 1.25 + 2.1875 + 0.75^2 = 4
    assert measured["kappa"] == pytest.approx(1 - 1.25 / 4)
    # five of the six pairs agree in order, one does not
    assert measured["kendall"] == pytest.approx((5 - 1) / 6)
    assert measured["spearman"] == pytest.approx(0.8)


@pytest.mark.parametrize("seed", range(5))
def test_measures_equal_scipy_and_sklearn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = rng.integers(1, 11, 200)
    predicted = np.clip(true + rng.integers(-6, 7, 200) / 2, 1, 10)
    measured = measures(true, predicted)
    assert measured["kappa"] == pytest.approx(
        cohen_kappa_score(true, np.rint(predicted).astype(int), weights="quadratic")
    )
    assert measured["pearson"] == pytest.approx(stats.pearsonr(true, predicted).statistic)
    assert measured["spearman"] == pytest.approx(stats.spearmanr(true, predicted).statistic)
    assert measured["kendall"] == pytest.approx(stats.kendalltau(true, predicted).statistic)


def test_measures_of_a_perfect_and_of_a_reversed_prediction() -> None:
    true = np.arange(1, 11)
    assert measures(true, true) == {name: pytest.approx(0 if name == "mae" else 1) for name in MAIN_MEASURES}
    reversed_ = measures(true, 11 - true)
    assert [reversed_[name] for name in ("kappa", "pearson", "spearman", "kendall")] == pytest.approx([-1] * 4)


def test_measures_are_null_where_undefined() -> None:
    assert measures([], []) == dict.fromkeys(MAIN_MEASURES)
    constant = measures([1, 5, 9], [5, 5, 5])
    assert [constant[name] for name in ("pearson", "spearman", "kendall")] == [None] * 3
    assert constant["kappa"] == 0
    one = measures([4], [4])
    assert (one["mae"], one["accuracy"], one["kappa"], one["kendall"]) == (0, 1, None, None)


def test_measures_refuse_unequal_lengths_and_nan() -> None:
    with pytest.raises(ValueError, match=r"same length, received shapes \(2,\) and \(3,\)"):
        measures([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="null"):
        measures([1, 2], [1, float("nan")])
