"""Errors of areas by what the areas are like: their true decile, their district, their number of locations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

TRUE_DECILE, DISTRICT, N_LOCATIONS = "true_decile", "district", "n_locations"

SIZES = {1: "1", 2: "2 to 4", 5: "5 to 9", 10: "10 to 19", 20: "20 to 49", 50: "50 or more"}
"""The smallest number of locations in each group of areas, and the group's name."""


def breakdowns(cells: pd.DataFrame, areas: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table breakdowns, apart from region, outcome and level, for each method.

    Args:
        cells: one row per method and area: `method`, `area_id`, `true_decile` and `predicted_decile`.
        areas: `area_id`, `district` (null if not known) and `n_locations`.
    """
    sizes = np.array([*SIZES])
    joined = cells.merge(areas, on="area_id", how="left")
    joined["error"] = joined["predicted_decile"] - joined["true_decile"]
    size = np.searchsorted(sizes, joined["n_locations"].fillna(0), side="right") - 1
    deciles, number = np.unique(joined["true_decile"], return_inverse=True)
    values: dict[str, Any] = {
        TRUE_DECILE: np.array([f"{decile:02.0f}" for decile in deciles], object)[number],
        DISTRICT: joined["district"],
        N_LOCATIONS: np.array([*SIZES.values()], object)[np.maximum(size, 0)],
    }
    rows = []
    for by, value in values.items():
        grouped = joined.assign(value=value).dropna(subset="value").groupby(["method", "value"])["error"]
        for (method, name), errors in grouped:
            means = {"mae": float(errors.abs().mean()), "mean_error": float(errors.mean())}
            rows.append({"method": method, "by": by, "value": name, "n": len(errors), **means})
    return rows
