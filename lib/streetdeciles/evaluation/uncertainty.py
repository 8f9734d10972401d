"""How sure the network is, and whether it may be: intervals of areas, calibration of locations, spread of folds."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.evaluation.bootstrap import interval_of_mean
from streetdeciles.evaluation.calibration import COVERAGE_MEASURE, calibration_rows, ranked_probability_scores
from streetdeciles.evaluation.intervals import COVERAGE, conformal_intervals, random_parts
from streetdeciles.evaluation.scored import Scored, scored_locations
from streetdeciles.methods import AREA, LOCATION, PREDICTION, SCORE_DECILE_MEAN, SCORE_MEAN
from streetdeciles.ordinal.tempered import probabilities
from streetdeciles.queries import query
from streetdeciles.tables import AREA_PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

PARTS = 5
"""The number of parts into which areas are divided for intervals if they have no folds."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Uncertainty:
    """Rows of the tables area_intervals and calibration, and for rows of metrics at level `location` the columns of
    the ranked probability score, by region and outcome."""

    area_intervals: pd.DataFrame
    calibration: Rows
    rps: dict[tuple[str, str], dict[str, float | None]]


def assess(spark: SparkSession, config: RunConfig, areas: pd.DataFrame) -> Uncertainty:
    """Measure the network's uncertainty.

    Args:
        spark: the session.
        config: the run's.
        areas: `region`, `area_id`, `n_locations`, `block` (-1 without blocks), and `fold` (-1 without folds).
    """
    areas = areas.sort_values(["region", "area_id"], ignore_index=True)
    intervals = _intervals(spark, config, areas)
    calibration = _interval_coverage(intervals)
    rps = {}
    drawn = areas["block"].where(areas["block"] >= 0, -1 - np.arange(len(areas))).to_numpy()
    for scored in scored_locations(spark, config, areas):
        key = {"region": scored.region, "outcome": scored.outcome}
        rows = calibration_rows(scored.scores, scored.temperatures, scored.deciles)
        calibration += [{**key, "level": LOCATION, **row} for row in rows]
        random = _random(config, scored.region, scored.outcome)
        rps[scored.region, scored.outcome] = _rps(scored, drawn, config.evaluation.bootstrap, random)
    return Uncertainty(intervals.drop(columns="true_decile"), calibration, rps)


def with_rps(metrics: Rows, rps: dict[tuple[str, str], dict[str, float | None]]) -> None:
    """Add the ranked probability score to the rows of single locations; that of a single decile is its error."""
    for row in metrics:
        if row["level"] == LOCATION and row["method"] == PREDICTION:
            row.update(rps.get((row["region"], row["outcome"]), {}))
        elif row["level"] == LOCATION:
            row.update({name: row[name.replace("rps", "mae")] for name in ("rps", "rps_low", "rps_high")})


def _intervals(spark: SparkSession, config: RunConfig, areas: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table area_intervals, and `true_decile`."""
    import pandas as pd

    table = storage.read_table(spark, AREA_PREDICTIONS, config.work_dir)
    # Only this method may lack areas, so it comes last.
    (method, *_) = sorted(config.aggregation.methods, key=lambda name: name == SCORE_DECILE_MEAN)
    rows = query("streetdeciles.evaluation", "area_scores", {"area": AREA, "method": method}, area_predictions=table)
    whole = rows.toPandas().merge(areas[["region", "area_id", "fold"]], on=["region", "area_id"])
    whole = whole.sort_values(["region", "outcome", "area_id"], ignore_index=True)
    whole["few_locations"] = whole["n_locations"] < config.evaluation.min_locations
    whole["method"] = SCORE_MEAN
    if whole.empty:  # equal scores, and no method but `score_decile_mean`
        return whole.assign(decile_low=np.nan, decile_high=np.nan)
    frames = [_with_interval(group, config) for _, group in whole.groupby(["region", "outcome"])]
    return pd.concat(frames, ignore_index=True)


def _with_interval(group: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """The areas of one region and outcome with `decile_low` and `decile_high`."""
    fold = group["fold"].to_numpy(np.int64)
    if len(np.unique(fold)) < 2 or (fold < 0).any():
        random = _random(config, *group[["region", "outcome"]].iloc[0])
        fold = random_parts(len(group), PARTS, random)
    low, high = conformal_intervals(
        expected_decile(group["mean_score"].to_numpy(np.float64)),
        group["true_decile"].to_numpy(np.float64),
        fold,
        group["few_locations"].to_numpy(bool),
    )
    return group.assign(decile_low=low, decile_high=high)


def expected_decile(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean of the binomial of each score: between 1 and 10, and distinct for distinct scores."""
    return 1 + 9 / (1 + np.exp(-np.clip(scores, -500, 500)))


def _interval_coverage(intervals: pd.DataFrame) -> Rows:
    """Rows of the table calibration: the share of areas whose interval contains their decile."""
    known = intervals.dropna(subset=["true_decile", "decile_low"])
    holds = known["true_decile"].between(known["decile_low"], known["decile_high"])
    sizes = known["decile_high"] - known["decile_low"] + 1
    means = known.assign(observed=holds, size=sizes, n=1).groupby(["region", "outcome"], as_index=False)
    rows = means.agg({"observed": "mean", "size": "mean", "n": "sum"}).assign(
        level=AREA, calibrated=True, measure=COVERAGE_MEASURE, bin=round(100 * COVERAGE), predicted=COVERAGE
    )
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _rps(scored: Scored, drawn: npt.NDArray[Any], samples: int, random: np.random.Generator) -> dict[str, float | None]:
    """The mean ranked probability score and its interval; `drawn` says what samples consist of, for each area."""
    scores = ranked_probability_scores(probabilities(scored.scores, scored.temperatures), scored.deciles)
    unit = np.unique(drawn[scored.area], return_inverse=True)[1]
    low, high = interval_of_mean(scores, unit, samples, random)
    return {"rps": float(scores.mean()), "rps_low": low, "rps_high": high}


def _random(config: RunConfig, region: str, outcome: str) -> np.random.Generator:
    return np.random.default_rng([config.seed, zlib.crc32(f"{region}/{outcome}/uncertainty".encode())])
