"""Counts added up for each level, and the deciles that follow from them, against pandas on the rows themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.aggregation.deciles import deciles_by_method
from streetdeciles.aggregation.levels import COUNTS, aggregate_levels

UNITS = 60
GROUPS = 3


def rows_of(n: int) -> pd.DataFrame:
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"unit": random.integers(0, UNITS, n), "group_number": random.integers(0, GROUPS, n)})
    frame["score"] = random.normal(size=n).astype(np.float32).astype(float)
    return frame.assign(decile=random.integers(1, 11, n), score_decile=random.integers(1, 11, n))


def units() -> pd.DataFrame:
    numbers = range(UNITS)
    return pd.DataFrame(
        {
            "unit": numbers,
            "region": "town",
            "area_id": [f"E{i // 3}" for i in numbers],
            "oa": [None if i == 7 else f"O{i}" for i in numbers],
            "msoa": [f"M{i // 15}" for i in numbers],
            "district": None,
        }
    )


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """As `unit_counts.sql` counts them."""
    high = np.rint(rows["score"] * 2**20)
    sums = rows.assign(score_high=high, score_low=np.rint((rows["score"] * 2**20 - high) * 2**40), n_locations=1)
    sums["score_squares"] = np.rint(rows["score"] ** 2 * 2**30)
    for decile, name in enumerate(COUNTS, start=1):
        sums[name] = (rows["decile"] == decile).astype(int)
    sums = sums.rename(columns={"score_decile": "score_deciles"}).drop(columns=["score", "decile"])
    return sums.groupby(["unit", "group_number"], as_index=False).sum()


@pytest.fixture(scope="module")
def by_level() -> dict[str, pd.DataFrame]:
    return dict(aggregate_levels(units(), counted(rows_of(2000)), GROUPS))


def test_levels_are_those_that_locations_carry(by_level: dict[str, pd.DataFrame]) -> None:
    assert list(by_level) == ["area", "oa", "msoa"]
    assert "O7" not in set(by_level["oa"]["area_id"])


@pytest.mark.parametrize(("level", "column"), [("area", "area_id"), ("oa", "oa"), ("msoa", "msoa")])
def test_methods_of_a_level_equal_pandas(by_level: dict[str, pd.DataFrame], level: str, column: str) -> None:
    of_unit = rows_of(2000).merge(units(), on="unit").dropna(subset=column).groupby([column, "group_number"])
    rows = by_level[level].set_index(["area_id", "group_number"])
    expected = {
        "n_locations": of_unit.size(),
        "mean_score": of_unit["score"].mean(),
        "score_decile_mean": np.rint(of_unit["score_decile"].mean()),
        "decile_mean": np.rint(of_unit["decile"].mean()),
        "decile_median": of_unit["decile"].median(),
        "decile_mode": of_unit["decile"].agg(lambda deciles: deciles.mode().mean()),
    }
    assert len(rows) == len(expected["n_locations"])
    for name, values in expected.items():
        np.testing.assert_allclose(rows[name], values.reindex(rows.index), rtol=1e-13, atol=1e-15, err_msg=name)
    errors = of_unit["score"].sem().reindex(rows.index)  # the squares are added in units of 1e-9
    np.testing.assert_allclose(rows["score_se"], errors, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10), min_size=1, max_size=30))
def test_deciles_follow_from_counts_as_from_the_values(deciles: list[int]) -> None:
    counts = np.bincount(deciles, minlength=11)[None, 1:]
    values = pd.Series(deciles)
    result = deciles_by_method(counts, np.zeros(1), np.full(1, np.nan))
    assert result["decile_mean"][0] == np.rint(values.mean())
    assert result["decile_median"][0] == values.median()
    assert result["decile_mode"][0] == values.mode().mean()
    assert result["score_mean"][0] == 6
    assert np.isnan(result["score_decile_mean"][0])
