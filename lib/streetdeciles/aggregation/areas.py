"""From counts of predictions to predictions of areas, for Spark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING

from streetdeciles.aggregation.counting import Counted
from streetdeciles.aggregation.levels import aggregate_levels
from streetdeciles.methods import AGGREGATION_METHODS, AREA
from streetdeciles.queries import query, spark_frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_query = partial(query, "streetdeciles.aggregation")


def level_deciles(spark: SparkSession, counted: Counted) -> DataFrame:
    """The rows of `levels.aggregate_levels` of all levels, with `level`."""
    n_groups = len(counted.regions) * len(counted.outcomes)
    levels = aggregate_levels(counted.units, counted.counts, n_groups)
    frames = [spark_frame(spark, frame.assign(level=level)) for level, frame in levels]
    return reduce(lambda left, right: left.unionByName(right), frames)


def aggregate_areas(deciles: DataFrame, counted: Counted, area_labels: DataFrame, methods: Sequence[str]) -> DataFrame:
    """Rows of the table area_predictions for each of `methods` and each level that the locations carry.

    `score_mean`: the most probable decile of the mean score. `score_decile_mean`: pandas' `qcut` puts all scores of an
    outcome and region into ten classes, and an area gets their mean, rounded half to even; no rows if the scores give
    fewer than ten classes. `decile_mean`, `decile_median`, `decile_mode`: mean (rounded half to even), median (may be
    between two deciles) and mode (the mean of tied modes) of the predicted deciles. Scores of all folds are pooled.
    """
    from pyspark.sql import functions as F

    rows = _query(
        "area_predictions",
        {"area": AREA, "n_outcomes": len(counted.outcomes), **{name: name for name in AGGREGATION_METHODS}},
        deciles=deciles,
        outcomes=counted.outcome_numbers(deciles.sparkSession),
        area_labels=area_labels,
    )
    return rows.where(F.col("method").isin(*methods))


def count_deciles(deciles: DataFrame, counted: Counted, area_labels: DataFrame) -> DataFrame:
    """Rows of the table decile_counts."""
    return _query(
        "decile_counts",
        {"area": AREA, "n_outcomes": len(counted.outcomes)},
        deciles=deciles,
        outcomes=counted.outcome_numbers(deciles.sparkSession),
        area_labels=area_labels,
    )


def count_areas(decile_counts: DataFrame, area_labels: DataFrame) -> DataFrame:
    """`region`, `n_areas` (with a label or a prediction) and `n_predicted`."""
    return _query("counted_areas", decile_counts=decile_counts, area_labels=area_labels)
