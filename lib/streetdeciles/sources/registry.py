"""The publishers' tables that are recognised."""

from __future__ import annotations

from collections.abc import Sequence

from streetdeciles.sources import census_infuse, census_nomis, gla_income, iod
from streetdeciles.sources.layout import Layout

RECOGNISERS = {
    "English Indices of Deprivation (Files 1, 2 and 7)": iod.recognise,
    "Census 2011 from InFuse": census_infuse.recognise,
    "Census 2011 and 2021 from Nomis, in bulk": census_nomis.recognise,
    "modelled household income of the GLA": gla_income.recognise,
}
"""By the names that users know; a new publisher is a module beside these, and a line here."""


def recognise(header: Sequence[str]) -> Layout | None:
    """The layout of the table with this header; None where no publisher's table has it."""
    return next((layout for known in RECOGNISERS.values() if (layout := known(header))), None)
