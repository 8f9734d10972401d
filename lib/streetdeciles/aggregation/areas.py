"""From predictions of locations to predictions of areas: DataFrames in, DataFrames out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.methods import AGGREGATION_METHODS, AREA, NETWORK
from streetdeciles.queries import query

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_query = partial(query, "streetdeciles.aggregation")


def locate(predictions: DataFrame, locations: DataFrame, area_labels: DataFrame) -> DataFrame:
    """The network's predictions with `region`, `area_id` and `true_decile`; region is null for unknown locations."""
    return _query(
        "located", {"network": NETWORK}, predictions=predictions, locations=locations, area_labels=area_labels
    )


def aggregate_areas(located: DataFrame, methods: Sequence[str]) -> DataFrame:
    """Rows of the table area_predictions, level `area`, for each of `methods`; scores of all folds are pooled.

    `score_mean`: the most probable decile of the mean score. `score_decile_mean`: pandas' `qcut` puts all scores of an
    outcome and region into ten classes, and an area gets their mean, rounded half to even; no rows if the scores give
    fewer than ten classes. `decile_mean`, `decile_median`, `decile_mode`: mean (rounded half to even), median (may be
    between two deciles) and mode (the mean of tied modes) of the predicted deciles.
    """
    from pyspark.sql import functions as F

    located = located.where("region IS NOT NULL")
    names: dict[str, str] = {name: name for name in (AREA, *AGGREGATION_METHODS)}
    areas = _query("area_predictions", names, located=located, edges=_query("score_edges", located=located))
    return areas.where(F.col("method").isin(*methods))


def count_areas(area_predictions: DataFrame, area_labels: DataFrame) -> DataFrame:
    """`region`, `n_areas` (with a label or a prediction) and `n_predicted`."""
    return _query("counted_areas", area_predictions=area_predictions, area_labels=area_labels)
