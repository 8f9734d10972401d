"""Cells of published tables: what is a number, what is suppressed, and what is neither."""

from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streetdeciles.sources.cells import number


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12.0),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("29,199", 29199.0),
        ("£34,080", 34080.0),
        ("12.5%", 12.5),
        ("9.6e-05", 0.000096),
    ],
)
def test_number_is_read_as_it_is_printed(cell: str, value: float) -> None:
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["", "..", "-", "*", "[c]", "[C]"])
def test_suppressed_cell_is_missing(cell: str) -> None:
    actual = number(cell)
    assert actual is not None
    assert isnan(actual)


@pytest.mark.parametrize(
    "cell", ["low", "1,23", "1.2.3", "e5", ".", "1e", "1e3", "2E+05", "nan", "inf", "0x10", "1_000"]
)
def test_other_cell_is_not_a_number(cell: str) -> None:
    assert number(cell) is None


@given(st.floats(-1e15, 1e15))
def test_float_is_read_as_python_writes_it(value: float) -> None:
    assert number(repr(value)) == value
