"""The measures of each fold by itself: how much they differ between models that have learned from other areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.ordinal.measures import mean_absolute_error, spearman

if TYPE_CHECKING:
    import pandas as pd


def fold_spread(cells: pd.DataFrame, areas: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table fold_metrics, apart from region, outcome and level; none if there are not several folds.

    Args:
        cells: one row per area of one method: `method`, `area_id`, `true_decile` and `predicted_decile`.
        areas: `area_id` and `fold`, -1 if an area is in none or in several.
    """
    joined = cells.merge(areas[["area_id", "fold"]], on="area_id").query("fold >= 0")
    if joined["fold"].nunique() < 2:
        return []
    rows = []
    for fold in sorted(joined["fold"].unique().tolist()):
        of_fold = joined[joined["fold"] == fold]
        true, predicted = (of_fold[name].to_numpy(np.float64) for name in ("true_decile", "predicted_decile"))
        measured = {"mae": mean_absolute_error(true, predicted), "spearman": spearman(true, predicted)}
        rows.append({"method": of_fold["method"].iloc[0], "fold": fold, "n": len(of_fold), **measured})
    return rows
