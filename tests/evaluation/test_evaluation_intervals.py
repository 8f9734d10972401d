"""Intervals of areas: the promised share holds on planted data, and the widths are those computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.evaluation.intervals import conformal_intervals, random_parts


def planted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predictions that are wrong by far more in areas with few locations, true deciles, folds, and which are few."""
    random = np.random.default_rng(seed)
    true = random.integers(1, 11, n).astype(float)
    few = random.uniform(size=n) < 0.3
    predicted = np.clip(true + random.normal(0, np.where(few, 3.0, 1.0)), 1, 10)
    return predicted, true, random.integers(0, 5, n), few


def test_eighty_percent_of_areas_are_within_their_interval() -> None:
    predicted, true, fold, few = planted(3000, seed=1)
    low, high = conformal_intervals(predicted, true, fold, few)
    holds = (low <= true) & (true <= high)
    for kind in (few | ~few, few, ~few):
        assert holds[kind].mean() == pytest.approx(0.8, abs=0.03)
    assert (high - low)[few].mean() > 2 * (high - low)[~few].mean()


@pytest.mark.parametrize("coverage", [0.5, 0.95])
def test_other_shares_are_met_too(coverage: float) -> None:
    predicted, true, fold, few = planted(3000, seed=2)
    low, high = conformal_intervals(predicted, true, fold, few, coverage)
    assert ((low <= true) & (true <= high)).mean() == pytest.approx(coverage, abs=0.03)


def test_small_samples_get_the_promised_share_or_more() -> None:
    """Ten areas per part: the correction for finite samples matters, on average over many samples."""
    holds = []
    for seed in range(400):
        predicted, true, _, few = planted(20, seed)
        low, high = conformal_intervals(predicted, true, np.arange(20) % 2, np.zeros_like(few))
        holds.append((low <= true) & (true <= high))
    assert 0.79 < np.mean(holds) < 0.86


def test_distance_is_the_corrected_quantile_of_the_other_parts() -> None:
    true = np.array([5.0, 1, 2, 3, 4, np.nan])
    predicted = np.array([5.3, 1.1, 2.2, 3.3, 4.9, 6.5])  # errors of part 1: 0.1, 0.2, 0.3 and 0.9
    part = np.array([0, 1, 1, 1, 1, 0])
    low, high = conformal_intervals(predicted, true, part, np.zeros(6, bool))
    # ceil(0.8 * (4 + 1)) = 4: the largest error, 0.9. One error is too few for an interval in part 1.
    np.testing.assert_array_equal(low, [5, *[np.nan] * 4, 6])
    np.testing.assert_array_equal(high, [6, *[np.nan] * 4, 7])


def test_an_interval_without_a_whole_decile_is_the_nearest_one() -> None:
    predicted = np.array([4.6, 4.3, *np.arange(1.0, 9)])
    true = np.array([np.nan, np.nan, *np.arange(1.0, 9)])
    part = np.array([0, 0, *[1] * 8])
    low, high = conformal_intervals(predicted, true, part, np.zeros(10, bool))
    assert low[:2].tolist() == high[:2].tolist() == [5, 4]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 200))
def test_ends_are_whole_deciles_in_order(seed: int, n: int) -> None:
    predicted, true, part, few = planted(n, seed)
    low, high = conformal_intervals(predicted, true, part, few)
    is_known = ~np.isnan(low)
    assert (is_known == ~np.isnan(high)).all()
    low, high = low[is_known], high[is_known]
    assert ((low >= 1) & (low <= high) & (high <= 10)).all()
    assert (low == np.rint(low)).all()
    assert (high == np.rint(high)).all()


def test_own_decile_does_not_decide_the_own_interval() -> None:
    predicted, true, part, few = planted(100, seed=4)
    low, high = conformal_intervals(predicted, true, part, few)
    changed = np.where(part == 2, 11 - true, true)
    low_changed, high_changed = conformal_intervals(predicted, changed, part, few)
    np.testing.assert_array_equal(low[part == 2], low_changed[part == 2])
    np.testing.assert_array_equal(high[part == 2], high_changed[part == 2])


def test_random_parts_are_of_nearly_the_same_size() -> None:
    parts = random_parts(103, 5, np.random.default_rng(0))
    assert sorted(np.bincount(parts)) == [20, 20, 21, 21, 21]
