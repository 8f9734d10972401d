"""Units of several classes, such as districts: spread so that each part has its share of every class."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.errors import RunRefused
from streetdeciles.splits.balance import spread
from streetdeciles.splits.folds import assign_folds
from streetdeciles.splits.shares import HELD_OUT, assign_parts
from streetdeciles.training_set.fold_codes import LEARNED

COUNTS = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=6, max_size=24).map(np.array)


def imbalance(counts: np.ndarray, parts: np.ndarray, n_parts: int) -> float:
    """The sum of squared differences from equal shares, in each class and in all locations."""
    sizes = np.column_stack([counts, counts.sum(axis=1)])
    of_part = np.array([sizes[parts == part].sum(axis=0) for part in range(n_parts)])
    return float(((of_part - sizes.sum(axis=0) / n_parts) ** 2).sum())


@settings(max_examples=50, deadline=None)
@given(counts=COUNTS, n_parts=st.integers(2, 4), seed=st.integers(0, 5))
def test_no_swap_of_two_units_improves_the_balance(counts: np.ndarray, n_parts: int, seed: int) -> None:
    parts = spread(counts, [1 / n_parts] * n_parts, np.random.default_rng(seed))
    assert {*parts} <= {*range(n_parts)}
    least = imbalance(counts, parts, n_parts)
    for one, other in combinations(range(len(parts)), 2):
        swapped = parts.copy()
        swapped[[one, other]] = parts[[other, one]]
        assert imbalance(counts, swapped, n_parts) >= least - 1e-6


def districts(n: int = 30) -> pd.DataFrame:
    """Districts with several deciles each, as one row per district and decile."""
    random = np.random.default_rng(4)
    rows = [
        {"unit": f"D{d:02d}", "stratum": f"town {decile}", "n_locations": int(random.integers(1, 40))}
        for d in range(n)
        for decile in random.permutation(10)[:4]
    ]
    return pd.DataFrame(rows)


def test_folds_of_districts_are_whole_and_balanced() -> None:
    units = districts()
    folds = assign_folds(units, 5, seed=2)
    assert folds["unit"].tolist() == sorted(units["unit"].unique())
    totals = units.merge(folds, on="unit").groupby("fold")["n_locations"].sum()
    assert len(totals) == 5
    assert totals.max() / totals.min() < 1.1
    shuffled = assign_folds(units.sample(frac=1, random_state=7), 5, seed=2)
    pd.testing.assert_frame_equal(folds, shuffled)


def test_shares_of_districts_are_kept() -> None:
    units = districts()
    parts = assign_parts(units, {LEARNED: 0.8, HELD_OUT: 0.2}, seed=1)
    joined = units.merge(parts, on="unit")
    held_out = joined.loc[joined["fold"] == HELD_OUT, "n_locations"].sum() / joined["n_locations"].sum()
    assert held_out == pytest.approx(0.2, abs=0.03)


def test_a_share_smaller_than_any_district_is_refused() -> None:
    with pytest.raises(RunRefused, match=r"a share of 0\.0004 of 4 areas with photographs leaves no area"):
        assign_parts(districts(4), {LEARNED: 0.9996, HELD_OUT: 0.0004}, seed=1)
