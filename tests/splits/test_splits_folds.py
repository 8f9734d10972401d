"""Folds of whole areas: balanced in locations and classes, and decided by the seed."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.errors import RunRefused
from streetdeciles.splits.folds import assign_folds

AREAS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(["a 1", "a 2", "b 1", None])), min_size=7, max_size=80
).map(
    lambda rows: pd.DataFrame(
        {
            "unit": [f"E{i:03d}" for i in range(len(rows))],
            "n_locations": [size for size, _ in rows],
            "stratum": [stratum for _, stratum in rows],
        }
    )
)


@settings(max_examples=60, deadline=None)
@given(areas=AREAS, folds=st.integers(2, 7), seed=st.integers(0, 5))
def test_folds_are_balanced_as_promised(areas: pd.DataFrame, folds: int, seed: int) -> None:
    assigned = assign_folds(areas, folds, seed=seed)
    assert list(assigned["unit"]) == list(areas["unit"])  # each area once
    assert set(assigned["fold"]) == set(range(folds))  # none is empty
    joined = areas.merge(assigned, on="unit")
    totals = joined.groupby("fold")["n_locations"].sum()
    assert totals.max() - totals.min() <= areas["n_locations"].max()
    for _, of_class in joined.groupby("stratum", dropna=False):
        loads = of_class.groupby("fold")["n_locations"].sum().reindex(range(folds), fill_value=0)
        assert loads.max() - loads.min() <= of_class["n_locations"].max()


@settings(max_examples=30, deadline=None)
@given(areas=AREAS, seed=st.integers(0, 5), order=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(areas: pd.DataFrame, seed: int, order: object) -> None:
    shuffled = areas.sample(frac=1, random_state=order.randrange(2**32))  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(assign_folds(areas, 3, seed=seed), assign_folds(shuffled, 3, seed=seed))


def test_seed_decides_the_folds() -> None:
    areas = pd.DataFrame({"unit": [f"E{i}" for i in range(40)], "stratum": ["x"] * 40, "n_locations": [2] * 40})
    first, again, other = (assign_folds(areas, 4, seed=seed)["fold"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert sorted(first) == sorted([0, 1, 2, 3] * 10)


def test_fewer_areas_than_folds_is_refused() -> None:
    areas = pd.DataFrame({"unit": ["E1", "E2"], "stratum": ["x", "x"], "n_locations": [50, 3]})
    with pytest.raises(RunRefused, match=r"dataset.folds: 5 folds need at least 5 areas with photographs, there are 2"):
        assign_folds(areas, 5, seed=0)


def test_folds_of_a_country_take_seconds() -> None:
    random = np.random.default_rng(0)
    areas = pd.DataFrame(
        {
            "unit": [f"E{i:05d}" for i in range(33_755)],
            "stratum": random.integers(1, 11, 33_755).astype(str),
            "n_locations": random.integers(1, 90, 33_755),
        }
    )
    start = time.process_time()
    assign_folds(areas, 5, seed=0)
    assert time.process_time() - start < 5
