"""The qcut law, by hand, against pandas, and against the published national deciles."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paths import DATA
from streetdeciles.errors import RunRefused
from streetdeciles.labels.deciles import deciles

NAN = float("nan")


def test_ten_values_have_a_decile_each() -> None:
    values = pd.Series([50.0, 10, 90, 30, 70, 20, 100, 40, 80, 60], index=list("abcdefghij"))
    actual = deciles(values, higher_is="better")
    assert actual.to_dict() == dict(zip("abcdefghij", [5, 1, 9, 3, 7, 2, 10, 4, 8, 6], strict=True))


def test_value_on_an_edge_is_in_the_lower_decile() -> None:
    # Edges of 0..10 are 0, 1, … 10: each value but 0 lies on the upper edge of its decile.
    actual = deciles(pd.Series([float(i) for i in range(11)]), higher_is="better")
    assert actual.tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_worse_numbers_the_same_bins_from_the_top() -> None:
    actual = deciles(pd.Series([float(i) for i in range(11)]), higher_is="worse")
    assert actual.tolist() == [10, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_missing_value_has_no_decile_and_does_not_shift_the_others() -> None:
    values = pd.Series([NAN, *[float(i) for i in range(11)], NAN])
    actual = deciles(values, higher_is="better")
    assert actual.isna().tolist() == [True, *[False] * 11, True]
    assert actual.dropna().tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_no_value_at_all_gives_no_decile() -> None:
    assert deciles(pd.Series([NAN] * 12), higher_is="better").isna().all()


def test_equal_edges_are_refused_with_outcome_and_region() -> None:
    values = pd.Series([0.0] * 5 + [float(i) for i in range(1, 16)])
    with pytest.raises(RunRefused, match="outcome overcrowding in region leeds.*the value 0"):
        deciles(values, higher_is="worse", outcome="overcrowding", region="leeds")


def test_fewer_than_ten_values_are_refused_with_their_number() -> None:
    values = pd.Series([*[float(i) for i in range(9)], NAN, NAN])
    with pytest.raises(RunRefused, match=r"outcome imd in region bath: 9 area\(s\)"):
        deciles(values, higher_is="better", outcome="imd", region="bath")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-50, 50).map(float), min_size=10, max_size=300))
def test_deciles_equal_pandas_qcut(values: list[float]) -> None:
    series = pd.Series(values)
    try:
        expected = pd.qcut(series, 10, labels=False) + 1
    except ValueError:
        with pytest.raises(RunRefused, match="edges"):
            deciles(series, higher_is="better")
    else:
        assert deciles(series, higher_is="better").tolist() == expected.tolist()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.none() | st.sampled_from([0.0, 0.1, 0.25]) | st.floats(0, 1), min_size=10, max_size=123),
    st.sampled_from(["better", "worse"]),
)
def test_deciles_equal_qcut_with_ties_and_missing_values(
    values: list[float | None], higher_is: Literal["better", "worse"]
) -> None:
    series = pd.Series(values, dtype=float)
    if 0 < series.count() < 10:
        with pytest.raises(RunRefused, match="deciles need at least 10"):
            deciles(series, higher_is=higher_is)
        return
    if series.count() == 0:
        assert deciles(series, higher_is=higher_is).isna().all()
        return
    try:
        expected = pd.qcut(series, 10, labels=False) + 1
    except ValueError:
        with pytest.raises(RunRefused, match="edges"):
            deciles(series, higher_is=higher_is)
        return
    expected = expected if higher_is == "better" else 11 - expected
    assert deciles(series, higher_is=higher_is).fillna(-1).tolist() == expected.fillna(-1).tolist()


@settings(max_examples=100, deadline=None)
@given(st.integers(10, 2000))
def test_distinct_ranks_between_edges_are_split_as_exact_arithmetic_says(n: int) -> None:
    # Rank r of 1..n lies between two of the edges 1 + (n - 1) k/10. On an edge pandas' rounding decides.
    actual = deciles(pd.Series(range(1, n + 1), dtype=float), higher_is="better").tolist()
    for rank in range(1, n + 1):
        place = Fraction(10 * (rank - 1), n - 1)
        if place.denominator > 1:
            assert actual[rank - 1] == math.floor(place) + 1


def test_national_deciles_are_the_published_ones_but_for_four_ranks() -> None:
    # The publisher's decile is ceil(10 rank / n); qcut's edges are those of the ranks 1..n, a fraction higher.
    table = pd.read_csv(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv")
    domains = [column.removesuffix(" Rank (where 1 is most deprived)") for column in table if " Rank " in column]
    assert len(domains) == 8
    for domain in domains:
        ranks = table[f"{domain} Rank (where 1 is most deprived)"].astype(float)
        published = table[f"{domain} Decile (where 1 is most deprived 10% of LSOAs)"]
        assert (published == (10 * ranks / 32_844).map(math.ceil)).all()
        actual = deciles(ranks, higher_is="better")
        differ = actual != published
        assert sorted(ranks[differ]) == [3285, 6569, 13_138, 22_991]
        assert (actual[differ] == published[differ] - 1).all()
