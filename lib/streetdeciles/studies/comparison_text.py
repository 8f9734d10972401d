"""A comparison of runs as plain text for a terminal, as Markdown, and as CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import groupby

from streetdeciles.csv_cells import write_rows
from streetdeciles.methods import MAIN_MEASURES
from streetdeciles.shown import shown
from streetdeciles.studies.comparison import UNCLEAR, ComparedMeasure, Comparison

HEADER = ("measure", "run", "value (95 %)", "difference (95 %)", "")


def as_text(comparison: Comparison) -> str:
    """One table per region and outcome, with the main measures; differences are from the first run."""
    lines = [shown(note) for note in comparison.notes]
    for title, rows in _tables(comparison):
        table = [HEADER, *rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(HEADER))]
        lines += ["", title]
        lines += ["  " + " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def as_markdown(comparison: Comparison) -> str:
    """The same tables in Markdown."""
    lines = [f"{_escaped(note)}  " for note in comparison.notes]
    for title, rows in _tables(comparison):
        lines += ["", f"## {_escaped(title)}", "", f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
        lines += [f"| {' | '.join(map(_escaped, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def as_csv(comparison: Comparison) -> str:
    """Every measure, one line per region, outcome, measure and run; empty where something is not defined."""
    text = io.StringIO()
    write_rows(text, [ComparedMeasure._fields, *comparison.rows])
    return text.getvalue()


def _tables(comparison: Comparison) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The title and the rows of each table; the name of a measure is only in its first row."""
    for (region, outcome), group in groupby(comparison.rows, lambda row: (row.region, row.outcome)):
        rows = [row for row in group if row.measure in MAIN_MEASURES]
        first = rows[0].run
        cells: list[tuple[str, ...]] = [
            (
                row.measure if row.run == first else "",
                shown(row.run),
                _interval(row.value, row.low, row.high, ".2f"),
                _interval(row.difference, row.difference_low, row.difference_high, "+.2f") if row.run != first else "",
                "" if row.verdict in (None, UNCLEAR) else str(row.verdict),
            )
            for row in rows
        ]
        yield shown(f"{outcome} in {region}: {rows[0].areas:,} areas; differences are from {first}"), cells


def _interval(value: float | None, low: float | None, high: float | None, form: str) -> str:
    """E.g. `1.50 (1.27 to 1.72)`; a dash if it is not defined."""
    if value is None:
        return "-"
    return f"{value:{form}}" if low is None or high is None else f"{value:{form}} ({low:{form}} to {high:{form}})"


def _escaped(text: str) -> str:
    for sign in "\\|<_*":
        text = text.replace(sign, f"\\{sign}")
    return text
