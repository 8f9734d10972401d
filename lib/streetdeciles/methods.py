"""The names of levels, methods, models and measures in the tables; queries get them as arguments."""

from __future__ import annotations

from typing import Literal, get_args

AggregationMethod = Literal["score_mean", "score_decile_mean", "decile_mean", "decile_median", "decile_mode"]
AGGREGATION_METHODS: tuple[AggregationMethod, ...] = get_args(AggregationMethod)
SCORE_MEAN, SCORE_DECILE_MEAN, DECILE_MEAN, DECILE_MEDIAN, DECILE_MODE = AGGREGATION_METHODS

PREDICTION = "prediction"
"""The method of single locations: their deciles as predicted."""

NETWORK = "network"
"""The model of all predictions but the baselines'."""

MEDIAN, NEIGHBOURS, RIDGE, BOOSTING, COVARIATES = "median", "neighbours", "ridge", "boosting", "covariates"
BASELINES = (MEDIAN, NEIGHBOURS, RIDGE, BOOSTING, COVARIATES)
"""Models, and methods of the same names, that the network must beat; they learn from the same areas."""

AREA, LOCATION = "area", "location"
OA, MSOA, DISTRICT = "oa", "msoa", "district"
"""Levels of which `locations` may carry the codes, and whose deciles are not published."""

IMPORTED_VIEWS = "imported views"
"""What counts, notes and the report call the views of `dataset.import`; of other runs they are photographs."""

METHOD_TITLES = {
    SCORE_MEAN: "decile of the mean score",
    SCORE_DECILE_MEAN: "mean of the scores' deciles",
    DECILE_MEAN: "mean of the predicted deciles",
    DECILE_MEDIAN: "median of the predicted deciles",
    DECILE_MODE: "most frequent predicted decile",
    PREDICTION: "before averaging",
    MEDIAN: "always the median decile",
    NEIGHBOURS: "deciles of the nearest areas",
    RIDGE: "ridge regression on mean features",
    BOOSTING: "boosted trees on mean features",
    COVARIATES: "ridge regression on the covariates",
}

LEVEL_TITLES = {AREA: "areas", LOCATION: "single locations"}
"""In the order of the report."""

MAIN_MEASURES = ("mae", "accuracy", "within_1", "kappa", "pearson", "spearman", "kendall")
"""Those of the paper, which the report and the terminal show."""

WORST = ("recall_10", "precision_10", "recall_20", "precision_20")
"""How well the worst 10 % and 20 % are recognised."""

MEASURES = (*MAIN_MEASURES, "rmse", "r2", *WORST)
