"""One row per area, one column per outcome and figure: what a GIS or a spreadsheet opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streetdeciles.csv_cells import safe_cell
from streetdeciles.methods import AREA

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("actual", "national", "predicted", "low", "high", "difference", "locations")
"""Columns of an outcome: the decile within the region, the published national one, the predicted one, the ends of its
interval, predicted minus actual, and the number of locations that were predicted."""


def wide_areas(
    labels: pd.DataFrame, predictions: pd.DataFrame, intervals: pd.DataFrame, outcomes: Sequence[str], method: str
) -> pd.DataFrame:
    """The areas of all regions, sorted by region and area_id.

    Args:
        labels: rows of the table area_labels.
        predictions: rows of the table area_predictions.
        intervals: rows of the table area_intervals; those of other methods are not shown.
        outcomes: their columns are `<outcome>_<figure>`, in this order.
        method: the method of aggregation of the predicted deciles.

    Returns:
        region, area_id and FIGURES of each outcome; empty where something is not known.
    """
    import pandas as pd

    keys = ["region", "area_id"]
    shown = predictions[(predictions["level"] == AREA) & (predictions["method"] == method)]
    areas = pd.concat([labels[keys], shown[keys]]).drop_duplicates().sort_values(keys, ignore_index=True)
    for outcome in outcomes:
        actual = labels[labels["outcome"] == outcome].set_index(keys)[["decile", "national_decile"]]
        predicted = shown[shown["outcome"] == outcome].set_index(keys)[["decile", "n_locations"]]
        chosen = intervals[(intervals["outcome"] == outcome) & (intervals["method"] == method)]
        ends = chosen.set_index(keys)[["decile_low", "decile_high"]]
        both = actual.join(predicted.rename(columns={"decile": "predicted"}), how="outer").join(ends)
        figures = pd.DataFrame(
            {
                "actual": both["decile"],
                "national": both["national_decile"],
                "predicted": both["predicted"],
                "low": both["decile_low"].astype(float),
                "high": both["decile_high"].astype(float),
                "difference": both["predicted"] - both["decile"],
                "locations": both["n_locations"].fillna(0).astype(int),
            }
        )
        areas = areas.join(figures.add_prefix(f"{outcome}_"), on=keys)
    counts = [f"{outcome}_locations" for outcome in outcomes]
    return areas.assign(**areas[counts].fillna(0).astype(int))


def safe_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with texts that a spreadsheet would run as formulas behind an apostrophe."""
    texts = frame.select_dtypes(["object", "string"]).columns
    return frame.assign(**{name: frame[name].map(safe_cell) for name in texts})
