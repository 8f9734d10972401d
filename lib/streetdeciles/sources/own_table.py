"""Any other table: its columns are named in the config, and no code is needed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from streetdeciles.config import OwnColumns
from streetdeciles.errors import RunRefused
from streetdeciles.sources.layout import Layout, OutcomeColumns


def layout_of(columns: OwnColumns, header: Sequence[str], path: str) -> Layout:
    """The layout that the config describes; RunRefused where the table at `path` lacks one of its columns."""

    def column(key: str, name: str) -> str:
        text = " ".join(name.split())
        if text in header:
            return text
        near = difflib.get_close_matches(text, header, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RunRefused(
            f"{path}: has no column {name!r} (columns.{key}); {hint}the columns are {', '.join(map(repr, header))}"
        )

    outcomes: dict[str, OutcomeColumns] = {}
    for name, outcome in columns.outcomes.items():
        key = f"outcomes.{name}"
        if outcome.column is not None:
            outcomes[name] = OutcomeColumns((column(f"{key}.column", outcome.column),), higher_is=outcome.higher_is)
            continue
        assert outcome.numerator is not None
        assert outcome.denominator is not None
        parts = [outcome.numerator] if isinstance(outcome.numerator, str) else outcome.numerator
        outcomes[name] = OutcomeColumns(
            tuple(column(f"{key}.numerator", part) for part in parts),
            column(f"{key}.denominator", outcome.denominator),
            higher_is=outcome.higher_is,
        )
    district = column("district", columns.district) if columns.district else None
    return Layout(
        publication="",
        area_id=column("area_id", columns.area_id),
        outcomes=outcomes,
        area_name=column("area_name", columns.area_name) if columns.area_name else None,
        district_code=district,
        district_name=district,
    )
