"""docs/reliability.md has a row for each fault, which the run that makes it happen writes."""

from __future__ import annotations

import pytest
from injected import FAULTS
from reliability_page import BEGIN, END, PAGE, Round, row, with_row

EMPTY = f"before\n{BEGIN}\n{END}\nafter\n"


def faults_on(page: str) -> list[str]:
    """The first column, below the table's head."""
    lines = [line for line in page.partition(BEGIN)[2].partition(END)[0].splitlines() if line.startswith("|")]
    return [line.split("|")[1].strip() for line in lines[2:]]


def test_row_counts_stages_reruns_and_seconds() -> None:
    rounds = [Round("features", 0, True, 4.4), Round("labels", 1, True, 31.0), Round("features", 0, True, -2.0)]
    cells = [cell.strip() for cell in row("a fault", rounds).split("|")]
    assert cells[1:8] == ["a fault", "labels, features 2", "3", "2", "1", "yes", "0 to 31"]


def test_row_says_that_tables_differ() -> None:
    assert "| no, in 1 |" in row("a fault", [Round("labels", 0, True, 1.0), Round("labels", 0, False, 1.0)])


def test_rows_are_replaced_one_by_one_in_the_order_of_the_faults() -> None:
    page = EMPTY
    for fault in ("second", "first", "of the past"):
        page = with_row(page, fault, f"| {fault} | old |", ["first", "second", "of the past"])
    page = with_row(page, "second", "| second | new |", ["first", "second"])
    assert faults_on(page) == ["first", "second"]
    assert "| second | new |" in page
    assert "| first | old |" in page
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")


def test_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the lines"):
        with_row("no table", "a fault", "| a fault |", ["a fault"])


def test_page_has_every_fault() -> None:
    assert faults_on(PAGE.read_text(encoding="utf-8")) == [fault.name for fault in FAULTS]
