"""Modelled household income of London's LSOAs (Greater London Authority; Open Government Licence v2.0)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streetdeciles.sources.layout import Layout, OutcomeColumns, find, plain

_INCOME = re.compile(r"(mean|median) (\d{4})/\d\d( \(£\))?")


def recognise(header: Sequence[str]) -> Layout | None:
    """The layout of the estimates, with the latest of their years; None where the header is not that of them."""
    area_id = find(header, "code", "lsoa code")
    latest: dict[str, tuple[int, str]] = {}
    for column in header:
        if match := _INCOME.fullmatch(plain(column)):
            outcome, year = f"income_{match.group(1)}", int(match.group(2))
            latest[outcome] = max(latest.get(outcome, (0, "")), (year, column))
    if area_id is None or not latest:
        return None
    return Layout(
        publication="Modelled household income (GLA)",
        area_id=area_id,
        outcomes={outcome: OutcomeColumns((column,)) for outcome, (_, column) in latest.items()},
        area_name=find(header, "names?", "lsoa name"),
        year=2011,
        is_windows_1252=True,
    )
