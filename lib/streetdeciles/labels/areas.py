"""The areas of all published tables together, and their deciles over their regions."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.labels.deciles import SMALLEST_REGION, deciles
from streetdeciles.labels.layouts import AREA_COLUMNS, LAYOUTS, OutcomeColumn, read_published

if TYPE_CHECKING:
    import pandas as pd


def outcome_columns(tables: Sequence[LabelTable], asked: Collection[str]) -> dict[str, OutcomeColumn]:
    """Every outcome that the tables may give.

    RunRefused where two of them give the same one of `asked`, or none gives one of these.
    """
    known: dict[str, OutcomeColumn] = {}
    table_of: dict[str, LabelTable] = {}
    for table in tables:
        for outcome, column in LAYOUTS[table.layout].outcomes.items():
            if outcome in known and outcome in asked:
                raise RunRefused(
                    f"labels.tables: outcome {outcome} is in both {table_of[outcome].path} and {table.path}; "
                    "leave one of them out"
                )
            known.setdefault(outcome, column)
            table_of.setdefault(outcome, table)
    for outcome in asked:
        if outcome not in known:
            near = difflib.get_close_matches(outcome, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise RunRefused(
                f"dataset.outcomes: none of labels.tables has the outcome {outcome!r}; {hint}known: {', '.join(known)}"
            )
    return known


def read_areas(tables: Sequence[LabelTable], asked: Collection[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row per area of any table: index area_id, then name and district, then one column per outcome.

    The second value: outcomes that are not as published, and so not among the columns, with the reason; RunRefused
    where that is one of `asked`. Where tables differ about an area's name or district, the first of them holds.
    """
    areas: pd.DataFrame | None = None
    unfit: dict[str, str] = {}
    for table in tables:
        frame, problems = read_published(table.layout, table.path)
        unfit |= problems
        frame = frame.set_index("area_id")
        areas = frame if areas is None else areas.combine_first(frame)
    assert areas is not None
    unfit = {outcome: why for outcome, why in unfit.items() if outcome not in areas}
    for outcome in asked:
        if outcome in unfit:
            raise RunRefused(unfit[outcome])
    outcomes = [outcome for outcome in outcome_columns(tables, asked) if outcome in areas]
    return areas[[*AREA_COLUMNS[1:], *outcomes]].sort_index(), unfit


def label_areas(
    areas: pd.DataFrame, region_of: pd.Series, outcomes: Mapping[str, OutcomeColumn], asked: Collection[str]
) -> pd.DataFrame:
    """The areas of the regions: index area_id; region, and `<outcome>_value`, `<outcome>_decile` (float64, NaN: none).

    `region_of` gives the region of each area_id that is in one. Where the values of a region do not make deciles
    RunRefused is raised for an outcome of `asked`, and any other keeps its values without deciles.
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
            labelled.loc[members.index, f"{outcome}_value"] = members[outcome]
            try:
                found = deciles(members[outcome], higher_is=column.higher_is, outcome=outcome, region=str(region))
            except RunRefused:
                if outcome in asked:
                    raise
                found = pd.Series(float("nan"), index=members.index)
            labelled.loc[members.index, f"{outcome}_decile"] = found
    return labelled
