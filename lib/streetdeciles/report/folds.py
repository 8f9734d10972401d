"""The split on the map and in numbers: which areas are in which fold, and how its deciles are spread over the folds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.report.collect import SEVERAL_FOLDS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FoldRow:
    """The areas and locations of a fold, and the areas of each actual decile 1..10."""

    label: str
    by_decile: list[int]
    n_areas: int
    n_locations: int


def count_folds(areas: pd.DataFrame) -> list[FoldRow]:
    """From fold, true_decile and n_locations of one outcome and region; empty unless there are several folds."""
    known = areas[areas["fold"].notna() & areas["true_decile"].notna()]
    if known["fold"].nunique() < 2:
        return []
    return [
        FoldRow(
            "in several folds" if fold == SEVERAL_FOLDS else f"fold {fold:.0f}",
            [int((rows["true_decile"] == decile).sum()) for decile in range(1, 11)],
            len(rows),
            int(rows["n_locations"].sum()),
        )
        for fold, rows in known.groupby("fold")
    ]


def folds_of(areas: pd.DataFrame, area_ids: list[str]) -> list[int | None] | None:
    """The fold of each area in this order, None where it is not known; None if there are not several folds."""
    by_area = areas.groupby("area_id")["fold"].first().reindex(area_ids)
    if by_area.nunique() < 2:
        return None
    return [None if math.isnan(fold) else int(fold) for fold in by_area.tolist()]
