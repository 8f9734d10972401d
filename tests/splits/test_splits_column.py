"""The split column: the user's values become folds."""

from __future__ import annotations

import pandas as pd
import pytest

from streetdeciles.errors import RunRefused
from streetdeciles.splits.column import Column, fold_numbers
from streetdeciles.training_set.fold_codes import LEARNED


def units(values: list[str | None]) -> pd.DataFrame:
    names = [f"E{i}" for i in range(len(values))]
    return pd.DataFrame({"unit": names, "stratum": "x", "n_locations": 3, "region": "town", "user_fold": values})


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["2", "1", "10"], {"2": 2, "1": 1, "10": 10}),
        (["south", "north"], {"north": 0, "south": 1}),
        (["1", "1a"], {"1": 0, "1a": 1}),
        (["1", "01"], {"01": 0, "1": 1}),
    ],
)
def test_numbers_stay_and_names_are_numbered_in_order(values: list[str], numbers: dict[str, int]) -> None:
    assert fold_numbers("part", values) == numbers


def test_areas_without_a_value_are_learned_from_and_counted() -> None:
    areas = units(["west", "east", None, "west"])
    split = Column("part")
    folds = split.assign(areas, seed=0)
    assert folds["fold"].tolist() == [1, 0, LEARNED, 1]
    assert split.describe(areas, folds) == (
        "areas and locations of the 2 folds in the column part: 1 and 3 in east, 2 and 6 in west; "
        "1 and 3 without a value, which every model learns from"
    )


@pytest.mark.parametrize("values", [["a", "a"], [None, None]])
def test_one_value_for_all_is_refused(values: list[str | None]) -> None:
    with pytest.raises(RunRefused, match="the same value of part, or none; at least two are needed"):
        Column("part").assign(units(values), seed=0)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(RunRefused, match=r"part has 101 different values; expected at most 100"):
        fold_numbers("part", [f"x{i}" for i in range(101)])
