"""Ids that differ in spelling only are found, and the difference is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.ids.lookalikes import SEVERAL, Lookalikes, describe, find_lookalikes, loose_spelling

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def frame(spark: SparkSession, *ids: str) -> DataFrame:
    return spark.createDataFrame([(name,) for name in ids], "location_id string")


def loose(text: str) -> str:
    return str(loose_spelling(pa.array([text]))[0])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("12", "00012"),
        ("AB1 0AA", "ab10aa"),
        ("Ynys-M\u00f4n", "ynys mon"),
        ("12", "12.0"),
        ("12", "'0012"),
        ("E-007", "e7"),
        ("12-003", "12-3"),
        ("1E+03", "1000"),
        ("1.25e5", "125000"),
        ("12,345", "12345"),
        ("1,001.0", "01001"),
    ],
)
def test_spellings_of_one_id_are_alike(left: str, right: str) -> None:
    assert loose(left) == loose(right)


@pytest.mark.parametrize(("left", "right"), [("12", "120"), ("0", "00"), ("1", "10"), ("a", "b"), ("10", "1.0")])
def test_only_zeros_in_front_are_taken_away(left: str, right: str) -> None:
    assert (loose(left) == loose(right)) == (left == "0")


def test_each_difference_is_counted_with_an_example(spark: SparkSession) -> None:
    left = frame(spark, "12", "345", "caf\u00e9", "N 1", "x", "Q7", "---")
    right = frame(spark, "00012", "00345", "cafe", "N1", "y", "q-007", "+++")
    actual = find_lookalikes(left, right)
    assert actual == [
        Lookalikes("leading zeros", 2, 2, ("12", "00012")),
        Lookalikes("accents", 1, 1, ("caf\u00e9", "cafe")),
        Lookalikes("punctuation or blanks", 1, 1, ("N 1", "N1")),
        Lookalikes(SEVERAL, 1, 1, ("Q7", "q-007")),
    ]
    assert describe(actual[:1], "locations", "photographs' locations") == (
        "2 locations and 2 photographs' locations differ by leading zeros, e.g. 12 / 00012"
    )


def test_one_id_may_have_several_lookalikes(spark: SparkSession) -> None:
    actual = find_lookalikes(frame(spark, "12"), frame(spark, "012", "0012", "7"))
    assert actual == [Lookalikes("leading zeros", 1, 2, ("12", "0012"))]


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**9), st.integers(0, 8), st.sampled_from(["", "_", " ", "-"]))
def test_padded_numbers_are_alike(number: int, zeros: int, mark: str) -> None:
    assert loose(f"{mark}{'0' * zeros}{number}") == loose(str(number))
