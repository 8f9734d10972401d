"""The report on areas: counts that add up, and notes on what lacks a value, a decile or a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streetdeciles.config import Boundaries
from streetdeciles.labels.deciles import SMALLEST_REGION
from streetdeciles.wording import counted

if TYPE_CHECKING:
    import pandas as pd


def area_counts(areas: pd.DataFrame, labelled: pd.DataFrame, asked: Sequence[str]) -> dict[str, int]:
    """Areas of the tables, in the regions and outside, and of those inside how many have each outcome's decile."""
    counts = {
        "areas in the tables": len(areas),
        "areas in no region": len(areas) - len(labelled),
        "areas": len(labelled),
    }
    for outcome in asked:
        n = int(labelled[f"{outcome}_decile"].notna().sum())
        counts |= {f"areas with a decile of {outcome}": n, f"areas without a decile of {outcome}": len(labelled) - n}
    return {key: n for key, n in counts.items() if n or not key.startswith("areas without")}


def area_notes(section: Boundaries | None, drawn: set[str], labelled: pd.DataFrame) -> list[str]:
    """The areas of each region, and those that the boundaries do not draw."""
    notes = [
        f"region {region}: {counted(n, 'area')}" for region, n in labelled["region"].value_counts().sort_index().items()
    ]
    lost = sorted({*labelled.index} - drawn)
    if section is not None and lost:
        notes.append(
            f"{len(lost)} of the {len(labelled)} areas have no polygon in {section.path}, e.g. {lost[0]}: "
            "maps cannot show them, and no point is found to be in them"
        )
    return notes


def outcome_notes(labelled: pd.DataFrame, unfit: dict[str, str]) -> list[str]:
    """What outcomes lack: values of some areas, deciles of a region, or, if dataset.outcomes does not list it, all."""
    notes = []
    for column in labelled.filter(regex="_value$"):
        outcome = str(column).removesuffix("_value")
        if n := labelled[column].isna().sum():
            notes.append(f"{outcome}: {counted(n, 'area has', 'areas have')} no value, so no decile")
        for region, areas in labelled.groupby("region"):
            n = areas[column].notna().sum()
            if n and areas[f"{outcome}_decile"].isna().all():
                why = (
                    f"only {counted(n, 'area has', 'areas have')} a value"
                    if n < SMALLEST_REGION
                    else "too many areas have the same value"
                )
                notes.append(
                    f"{outcome}: no deciles in region {region}, as {why}; dataset.outcomes does not ask for them"
                )
    return [
        *notes,
        *(f"{outcome}: left out, as dataset.outcomes does not ask for it ({unfit[outcome]})" for outcome in unfit),
    ]
