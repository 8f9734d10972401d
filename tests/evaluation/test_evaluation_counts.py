"""Measures of counts, compared with those of the pairs themselves, and with scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score, precision_score, r2_score, recall_score, root_mean_squared_error

from streetdeciles.evaluation.counts import measures_of_counts
from streetdeciles.methods import MEASURES
from streetdeciles.ordinal.measures import measures

PAIRS = st.lists(
    st.tuples(st.integers(1, 10), st.one_of(st.integers(2, 20).map(lambda n: n / 2), st.just(7 / 3))),
    min_size=1,
    max_size=60,
)


def table_of(pairs: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    true, r = np.unique([float(t) for t, _ in pairs], return_inverse=True)
    predicted, p = np.unique([q for _, q in pairs], return_inverse=True)
    counts = np.zeros((true.size, predicted.size))
    np.add.at(counts, (r, p), 1)
    return counts, true, predicted


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_errors_and_the_worst_areas_equal_those_of_sklearn(pairs: list[tuple[int, float]]) -> None:
    true, predicted = np.array([t for t, _ in pairs]), np.array([q for _, q in pairs])
    measured = measures_of_counts(*table_of(pairs))
    assert measured["rmse"] == pytest.approx(root_mean_squared_error(true, predicted))
    if len({*true}) > 1:
        assert measured["r2"] == pytest.approx(r2_score(true, predicted))
    for last in (1, 2):
        is_true, is_predicted = true <= last, np.rint(predicted) <= last
        for name, score in (("recall", recall_score), ("precision", precision_score)):
            expected = score(is_true, is_predicted, zero_division=np.nan)
            np.testing.assert_allclose(measured[f"{name}_{10 * last}"], expected)


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_counts_give_the_same_measures_as_pairs(pairs: list[tuple[int, float]]) -> None:
    expected = measures([t for t, _ in pairs], [q for _, q in pairs])
    measured = measures_of_counts(*table_of(pairs))
    assert list(measured) == list(MEASURES)
    for name, value in expected.items():
        np.testing.assert_allclose(measured[name], np.nan if value is None else value, atol=1e-9, err_msg=name)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_counts_give_the_same_measures_as_scipy_and_sklearn(pairs: list[tuple[int, float]]) -> None:
    true, predicted = [t for t, _ in pairs], [q for _, q in pairs]
    rounded = np.rint(predicted).astype(int)
    assume(len({*true}) > 1 and len({*predicted}) > 1 and len({*rounded}) > 1)
    measured = measures_of_counts(*table_of(pairs))
    kappa = cohen_kappa_score(true, rounded, weights="quadratic", labels=range(1, 11))
    assert measured["kappa"] == pytest.approx(kappa, abs=1e-9)
    assert measured["pearson"] == pytest.approx(stats.pearsonr(true, predicted).statistic, abs=1e-9)
    assert measured["spearman"] == pytest.approx(stats.spearmanr(true, predicted).statistic, abs=1e-9)
    assert measured["kendall"] == pytest.approx(stats.kendalltau(true, predicted).statistic, abs=1e-9)


def test_many_tables_are_measured_at_once() -> None:
    counts = np.array([[[3, 0], [0, 1]], [[0, 2], [2, 0]], [[2, 2], [0, 0]], [[0, 0], [0, 0]]])
    measured = measures_of_counts(counts, np.array([1.0, 4.0]), np.array([1.0, 4.0]))
    assert measured["mae"].tolist()[:3] == [0, 3, 1.5]
    assert measured["accuracy"].tolist()[:3] == [1, 0, 0.5]
    assert measured["pearson"].tolist()[:2] == [1, -1]
    assert measured["kappa"].tolist()[:3] == [1, -1, 0]
    assert np.isnan(measured["kendall"]).tolist() == [False, False, True, True]
    assert np.isnan(measured["mae"]).tolist() == [False, False, False, True]


def test_counts_of_a_country_do_not_overflow() -> None:
    counts = np.eye(10) * 150_000
    measured = measures_of_counts(counts, np.arange(1.0, 11), np.arange(1.0, 11))
    assert measured["kendall"] == pytest.approx(1)
    assert measured["spearman"] == pytest.approx(1)
