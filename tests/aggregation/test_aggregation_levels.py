"""Counts added up for each level, and the deciles that follow from them, against pandas on the rows themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.aggregation.counting import count_units
from streetdeciles.aggregation.deciles import deciles_by_method
from streetdeciles.aggregation.grouping import aggregate_groups
from streetdeciles.aggregation.levels import find_levels
from streetdeciles.aggregation.located import number_locations, number_regions
from streetdeciles.aggregation.reading import GROUPED, KINDS

UNITS = 60
GROUPS = 3


def rows_of(n: int) -> pd.DataFrame:
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"unit": random.integers(0, UNITS, n), "group_number": random.integers(0, GROUPS, n)})
    frame["score"] = random.normal(size=n).astype(np.float32).astype(float)
    return frame.assign(decile=random.integers(1, 11, n))


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


@pytest.fixture(scope="module")
def by_level() -> dict[str, pd.DataFrame]:
    """The rows of each level, from predictions in two batches, with the outcome's number in place of its name."""
    rows = rows_of(2000)
    groups = [(number, half) for number in range(GROUPS) for half in (rows[:700], rows[700:])]
    columns: dict[str, list[Any]] = {name: [] for name in GROUPED}
    for number, half in groups:
        of_group = half[half["group_number"] == number]
        values = (of_group[name].to_numpy(kind).tobytes() for name, kind in KINDS.items())
        for name, value in zip(GROUPED, (0, str(number), *values), strict=True):
            columns[name].append(value)
    batch = pa.RecordBatch.from_pydict(columns)
    levels = tuple(find_levels(units()))
    batches = aggregate_groups([batch.slice(0, 3), batch.slice(3)], ("town",), levels, with_score_classes=True)
    whole = pa.Table.from_batches(batches).to_pandas().astype({"outcome": int})
    return {str(level): of_level for level, of_level in whole.groupby("level", sort=False)}


def test_levels_are_those_that_locations_carry(by_level: dict[str, pd.DataFrame]) -> None:
    assert list(by_level) == ["area", "oa", "msoa"]
    assert "O7" not in set(by_level["oa"]["area_id"])


@pytest.mark.parametrize(("level", "column"), [("area", "area_id"), ("oa", "oa"), ("msoa", "msoa")])
def test_methods_of_a_level_equal_pandas(by_level: dict[str, pd.DataFrame], level: str, column: str) -> None:
    located = rows_of(2000).merge(units(), on="unit")
    located["class"] = located.groupby("group_number")["score"].transform(lambda of: pd.qcut(of, 10, labels=False) + 1)
    of_unit = located.dropna(subset=column).groupby([column, "group_number"])
    rows = by_level[level].set_index(["area_id", "outcome"])
    expected = {
        "n_locations": of_unit.size(),
        "mean_score": of_unit["score"].mean(),
        "score_decile_mean": np.rint(of_unit["class"].mean()),
        "decile_mean": np.rint(of_unit["decile"].mean()),
        "decile_median": of_unit["decile"].median(),
        "decile_mode": of_unit["decile"].agg(lambda deciles: deciles.mode().mean()),
    }
    assert len(rows) == len(expected["n_locations"])
    for name, values in expected.items():
        np.testing.assert_allclose(rows[name], values.reindex(rows.index), rtol=1e-13, atol=1e-15, err_msg=name)
    errors = of_unit["score"].sem().reindex(rows.index)  # the squares are added in units of 1e-9
    np.testing.assert_allclose(rows["score_se"], errors, atol=1e-6)


def test_sums_of_scores_do_not_depend_on_the_order_of_rows() -> None:
    rows = rows_of(2000)
    arrays = [rows["unit"].to_numpy(np.int32), rows["score"].to_numpy(), rows["decile"].to_numpy(np.int8)]
    order = np.random.default_rng(1).permutation(len(rows))
    counts = count_units(*arrays, with_score_classes=True)
    shuffled = count_units(*(values[order] for values in arrays), with_score_classes=True)
    for name, values in vars(counts).items():
        np.testing.assert_array_equal(values, vars(shuffled)[name], err_msg=name)


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


def test_locations_are_found_by_their_ids_in_any_order() -> None:
    random = np.random.default_rng(2)
    names = [f"L{number:03d}" for number in random.permutation(300)]
    columns = {
        "location_id": [*names, "without area"],
        "region": [f"R{int(name[1:]) % 2}" for name in names] + ["R0"],
        "area_id": [f"E{int(name[1:]) % 20}" for name in names] + [None],
        "oa": [f"O{int(name[1:]) % 40}" if int(name[1:]) % 40 != 7 else None for name in names] + ["O1"],
        "msoa": pa.nulls(301, pa.string()),
        "district": pa.nulls(301, pa.string()),
    }
    locations = pa.table(columns)
    units = locations.slice(0, 300).drop_columns("location_id").to_pandas().drop_duplicates(ignore_index=True)
    located = number_locations(locations, units)
    assert len(units) == 40
    _, regions = number_regions(units)
    asked = ["L250", "L007", "unknown", "L251", "", "without area"]
    position = located.find(pa.array(asked))
    assert (position[[2, 4, 5]] == -1).all()
    for name, at in zip(asked, position, strict=True):
        if at >= 0:
            row = units.iloc[located.unit[at]]
            number = int(name[1:])
            assert regions[located.region_of_unit[located.unit[at]]] == row["region"] == f"R{number % 2}"
            assert row["area_id"] == f"E{number % 20}"
            assert row["oa"] == (f"O{number % 40}" if number % 40 != 7 else None)
    assert located.find(pa.array([], pa.string())).tolist() == []
