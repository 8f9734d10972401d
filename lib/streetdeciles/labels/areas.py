"""The areas of all published tables together, and their deciles over their regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.labels.deciles import SMALLEST_REGION, deciles
from streetdeciles.labels.layouts import AREA_COLUMNS, LAYOUTS, OutcomeColumn, read_layout

if TYPE_CHECKING:
    import pandas as pd


def outcome_columns(tables: Sequence[LabelTable]) -> dict[str, OutcomeColumn]:
    """Every outcome that the tables give; RunRefused where two of them give the same one."""
    given: dict[str, OutcomeColumn] = {}
    table_of: dict[str, LabelTable] = {}
    for table in tables:
        for outcome, column in LAYOUTS[table.layout].outcomes.items():
            if outcome in given:
                raise RunRefused(
                    f"labels.tables: outcome {outcome} is in both {table_of[outcome].path} and {table.path}; "
                    "leave one of them out"
                )
            given[outcome] = column
            table_of[outcome] = table
    return given


def read_areas(tables: Sequence[LabelTable]) -> pd.DataFrame:
    """A row for each area of any table: index area_id, then name and district, then a column an outcome.

    Where tables differ about an area's name or district, the first of them holds.
    """
    areas: pd.DataFrame | None = None
    for table in tables:
        frame = read_layout(table.layout, table.path).set_index("area_id")
        areas = frame if areas is None else areas.combine_first(frame)
    assert areas is not None
    outcomes = outcome_columns(tables)
    return areas[[*AREA_COLUMNS[1:], *outcomes]].sort_index()


def label_areas(areas: pd.DataFrame, region_of: pd.Series, outcomes: Mapping[str, OutcomeColumn]) -> pd.DataFrame:
    """The areas of the regions: index area_id; region, and `<outcome>_value`, `<outcome>_decile` (float64, NaN: none).

    `region_of` gives the region of each area_id that is in one.
    """
    import pandas as pd

    labelled = pd.DataFrame({"region": region_of})
    inside = areas.loc[region_of.index]
    for region, members in inside.groupby(region_of):
        if len(members) < SMALLEST_REGION:
            raise RunRefused(
                f"labels.regions.{region}: has {len(members)} area(s); deciles need at least {SMALLEST_REGION}, "
                "so add districts"
            )
        for outcome, column in outcomes.items():
            found = deciles(members[outcome], higher_is=column.higher_is, outcome=outcome, region=str(region))
            labelled.loc[members.index, f"{outcome}_value"] = members[outcome]
            labelled.loc[members.index, f"{outcome}_decile"] = found
    return labelled
