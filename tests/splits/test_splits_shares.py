"""Every split: exactly how many areas of each class are in each part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.config import DatasetConfig
from streetdeciles.errors import RunRefused
from streetdeciles.splits.registry import split_of
from streetdeciles.splits.shares import HELD_OUT, assign_parts
from streetdeciles.training_set.fold_codes import LEARNED, VALIDATED

AREAS = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["a 1", "a 2", "b 1", None])), min_size=30, max_size=90)
SHARES = st.one_of(
    st.floats(0.2, 0.8).map(lambda test: {LEARNED: 1 - test, HELD_OUT: test}),
    st.tuples(st.floats(0.2, 0.4), st.floats(0.2, 0.4)).map(
        lambda both: {LEARNED: 1 - sum(both), VALIDATED: both[0], HELD_OUT: both[1]}
    ),
)


def some_areas(rows: list[tuple[int, str | None]]) -> pd.DataFrame:
    sizes, strata = zip(*rows, strict=True)
    names = [f"E{i:03d}" for i in range(len(rows))]
    return pd.DataFrame({"unit": names, "n_locations": sizes, "stratum": strata})


@settings(max_examples=80, deadline=None)
@given(rows=AREAS, shares=SHARES, seed=st.integers(0, 5))
def test_parts_have_their_shares_as_promised(rows: list[Any], shares: dict[int, float], seed: int) -> None:
    areas = some_areas(rows)
    try:
        assigned = assign_parts(areas, shares, seed=seed)
    except RunRefused:  # a few large areas may be larger than a part's whole share
        assert areas["n_locations"].max() * 2 > min(shares.values()) * areas["n_locations"].sum()
        return
    assert list(assigned["unit"]) == list(areas["unit"])  # each area once
    assert set(assigned["fold"]) == set(shares)
    joined = areas.merge(assigned, on="unit")
    largest = areas["n_locations"].max() + 1e-6
    of_all, of_class = (1, 2) if len(shares) == 2 else (2, 3)
    for part, share in shares.items():
        of_part = joined[joined["fold"] == part]
        assert abs(of_part["n_locations"].sum() - share * areas["n_locations"].sum()) <= of_all * largest
        for _, rows_of_class in joined.groupby("stratum", dropna=False):
            expected = share * rows_of_class["n_locations"].sum()
            n_locations = rows_of_class[rows_of_class["fold"] == part]["n_locations"].sum()
            assert abs(n_locations - expected) <= of_class * largest


@settings(max_examples=30, deadline=None)
@given(rows=AREAS, seed=st.integers(0, 5), order=st.integers(0, 99))
def test_order_of_rows_does_not_matter(rows: list[Any], seed: int, order: int) -> None:
    areas, shares = some_areas(rows), {LEARNED: 0.5, HELD_OUT: 0.5}
    shuffled = areas.sample(frac=1, random_state=order)
    pd.testing.assert_frame_equal(assign_parts(areas, shares, seed=seed), assign_parts(shuffled, shares, seed=seed))


def city(regions: int = 1) -> pd.DataFrame:
    """Twenty areas of three locations in each decile of each region."""
    strata = [f"region {r} {decile}" for r in range(regions) for decile in range(1, 11) for _ in range(20)]
    return some_areas([(3, stratum) for stratum in strata])


def counts(areas: pd.DataFrame, seed: int = 1, **dataset: Any) -> dict[int, list[int]]:
    """The number of areas of each stratum, by part."""
    split = DatasetConfig.model_validate({"outcomes": ["imd"], **dataset})
    joined = areas.merge(split_of(split).assign(areas, seed=seed), on="unit")
    table = joined.groupby(["fold", "stratum"]).size().unstack(fill_value=0)
    return {int(fold): row.tolist() for fold, row in zip(table.index, table.to_numpy(), strict=True)}


def test_folds_have_equal_shares_of_every_class() -> None:
    assert counts(city()) == {fold: [4] * 10 for fold in range(5)}


def test_folds_have_equal_shares_of_every_region() -> None:
    assert counts(city(regions=3), folds=4) == {fold: [5] * 30 for fold in range(4)}


def test_train_test_holds_out_an_equal_share_of_every_class() -> None:
    assert counts(city(), split="train_test") == {LEARNED: [16] * 10, HELD_OUT: [4] * 10}
    assert counts(city(regions=2), split="train_test", test_share=0.25) == {LEARNED: [15] * 20, HELD_OUT: [5] * 20}


def test_train_validation_test_has_three_parts_of_every_class() -> None:
    by_part = counts(city(), split="train_validation_test")
    assert by_part == {LEARNED: [13] * 10, VALIDATED: [3] * 10, HELD_OUT: [4] * 10}


@pytest.mark.parametrize(
    ("split", "more"), [("by_class", {"held_out_deciles": [1, 10]}), ("train_only", {}), ("test_only", {})]
)
def test_splits_without_parts_put_no_area_into_a_fold(split: str, more: dict[str, Any]) -> None:
    assert counts(city(), split=split, **more) == {LEARNED: [20] * 10}


def test_seed_decides_the_parts() -> None:
    split = DatasetConfig(outcomes=["imd"], split="train_test")
    first, again, other = (split_of(split).assign(city(), seed=seed)["fold"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_part_without_areas_is_refused() -> None:
    areas = some_areas([(3, "x")] * 5)
    with pytest.raises(RunRefused, match=r"dataset: a share of 0\.05 of 5 areas with photographs leaves no area"):
        split_of(DatasetConfig(outcomes=["imd"], split="train_test", test_share=0.05)).assign(areas, seed=0)


def test_split_is_described_with_its_sizes() -> None:
    def described(**dataset: Any) -> str:
        split = split_of(DatasetConfig.model_validate({"outcomes": ["imd"], **dataset}))
        return split.describe(city(), split.assign(city(), seed=0))

    assert (
        described() == "areas and locations of the 5 folds: 40 and 120, 40 and 120, 40 and 120, 40 and 120, 40 and 120"
    )
    assert described(split="train_validation_test") == (
        "areas and locations of the split train_validation_test: "
        "30 and 90 to validate on, 130 and 390 to learn from, 40 and 120 held out"
    )
    assert described(split="train_only").endswith("train_only: 200 and 600; all to learn from, none is held out")
    assert "depend on the outcome" in described(split="by_class", held_out_deciles=[3])
    assert "the models of another run predict all" in described(split="test_only")


def test_a_country_takes_seconds() -> None:
    random = np.random.default_rng(0)
    areas = some_areas(
        list(zip(random.integers(1, 90, 33_755).tolist(), random.integers(1, 11, 33_755).astype(str), strict=True))
    )
    assigned = assign_parts(areas, {LEARNED: 0.65, VALIDATED: 0.15, HELD_OUT: 0.2}, seed=0).merge(areas, on="unit")
    shares = assigned.groupby("fold")["n_locations"].sum() / areas["n_locations"].sum()
    assert shares.to_dict() == pytest.approx({VALIDATED: 0.15, LEARNED: 0.65, HELD_OUT: 0.2}, abs=1e-4)


def test_held_out_conditions_are_those_of_the_split() -> None:
    def condition(trained: list[int] | None = None, **dataset: Any) -> str:
        return split_of(DatasetConfig.model_validate({"outcomes": ["imd"], **dataset}), trained).held_out("imd")

    assert condition() == condition(split="train_test") == "fold >= 0"
    assert condition([3, 1]) == "fold IN (3, 1)"
    assert condition(split="by_class", held_out_deciles=[1, 10]) == "coalesce(`imd` IN (1, 10), false)"
    assert (condition(split="train_only"), condition(split="test_only")) == ("false", "true")
