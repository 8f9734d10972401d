"""Predictions of locations to predictions of areas: DataFrames in, DataFrames out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.queries import query

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_query = partial(query, "streetdeciles.aggregation")


def locate(predictions: DataFrame, locations: DataFrame, area_labels: DataFrame) -> DataFrame:
    """The network's predictions with `region`, `area_id` and `true_decile`; region is null where it is not known."""
    return _query("located", predictions=predictions, locations=locations, area_labels=area_labels)


def aggregate_areas(located: DataFrame, methods: Sequence[str]) -> DataFrame:
    """Rows of the table area_predictions, level `area`, for each of `methods`; all folds are pooled as they are.

    `score_mean`: the mean score's most probable decile. `score_decile_mean`: pandas' `qcut` of all scores of the
    outcome and region into ten classes, their mean, rounded half to even; no rows where the scores give fewer than
    ten classes. `decile_mean`, `decile_median`, `decile_mode`: of the predicted deciles; the first is rounded half to
    even, the median may be a half, the mode is the mean of tied modes.
    """
    from pyspark.sql import functions as F

    located = located.where("region IS NOT NULL")
    areas = _query("area_predictions", located=located, edges=_query("score_edges", located=located))
    return areas.where(F.col("method").isin(*methods))


def count_areas(area_predictions: DataFrame, area_labels: DataFrame) -> DataFrame:
    """`region`, `n_areas` (with a label or a prediction) and `n_predicted`."""
    return _query("counted_areas", area_predictions=area_predictions, area_labels=area_labels)
