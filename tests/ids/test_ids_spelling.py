"""Ids and codes have one spelling, whatever program wrote them."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.ids.spelling import BLANKS, normalise_codes, normalise_columns, normalise_ids, normalise_list

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
laws = settings(deadline=None, max_examples=150)


def normal(text: str, *, upper: bool = False) -> str:
    return normalise_list([text], upper=upper)[0]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Ynys-Mo\u0302n", "Ynys-M\u00f4n"),
        ("\u00a000012\u00a0", "00012"),
        ("\t00012\u200b", "00012"),
        ("\ufeff00012\u3000", "00012"),
        ("AB1\u00a00AA", "AB1 0AA"),
        ("00012", "00012"),
        ("ab1", "ab1"),
        (" \u200b ", ""),
    ],
)
def test_blanks_go_and_accents_are_composed(written: str, expected: str) -> None:
    assert normal(written) == expected


def test_codes_are_in_upper_case() -> None:
    assert normal(" e01000001\u00a0", upper=True) == "E01000001"


def test_nulls_stay_and_other_columns_are_untouched() -> None:
    columns = {"id": [None, " a "], "code": [" b", None], "other": [" ", ""]}
    (batch,) = pa.table(columns).to_batches()
    (actual,) = normalise_columns([batch], ids=["id"], codes=["code"])
    assert actual.to_pydict() == {"id": [None, "a"], "code": ["B", None], "other": [" ", ""]}
    assert normalise_ids(pa.array([], pa.string())).to_pylist() == []


@laws
@given(TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    for normalise in (normalise_ids, normalise_codes):
        once = normalise(pa.array([text], pa.string()))
        assert normalise(once).to_pylist() == once.to_pylist()


@laws
@given(TEXTS, st.text(st.sampled_from(BLANKS), max_size=3), st.text(st.sampled_from(BLANKS), max_size=3))
def test_composed_and_decomposed_names_are_equal(text: str, before: str, after: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    # A mark without a letter before it would be one with the blank in front of it.
    if not unicodedata.combining(decomposed[:1] or "x"):
        assert normal(before + decomposed + after) == normal(unicodedata.normalize("NFC", text))
    assert normal(decomposed, upper=True) == normal(text, upper=True)


@laws
@given(st.characters(exclude_categories=["Cs"]))
def test_what_python_calls_white_space_is_a_blank(character: str) -> None:
    assert (normal(character) == "") == (character in BLANKS)
    assert character in BLANKS or not character.isspace()
