"""The edges of ten equal classes of scores, exactly as pandas' `qcut` has them, without sorting all scores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.queries import query, spark_frame

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

BINS = 4096
"""Bins per range of scores: only those that contain an edge are sorted, at most 22 of them."""

EDGES = tuple(f"edge_{number}" for number in range(11))

_query = partial(query, "streetdeciles.aggregation")


def score_edges(numbered: DataFrame) -> pd.DataFrame:
    """`group_number` and EDGES, in ascending order, for each group whose scores give ten classes.

    `numbered` has `group_number` and `score`; it is read three times.
    """
    spark = numbered.sparkSession
    ranges = _query("score_ranges", numbered=numbered).where("group_number IS NOT NULL").toPandas()
    if ranges.empty:
        return no_edges()
    width = ranges["highest"] - ranges["lowest"]
    ranges["bins_per_unit"] = np.where(width > 0, BINS / np.where(width > 0, width, 1), 0.0)
    for_spark = spark_frame(spark, ranges[["group_number", "lowest", "bins_per_unit"]])
    bins = _query("score_bins", numbered=numbered, ranges=for_spark).toPandas().sort_values(["group_number", "bin"])
    bins["n_below"] = bins.groupby("group_number")["n"].cumsum() - bins["n"]
    ranks = _ranks(ranges)
    scores = _query(
        "ranked_scores",
        numbered=numbered,
        ranges=for_spark,
        bins=spark_frame(spark, _bins_of(ranks, bins)),
        ranks=spark_frame(spark, ranks[["group_number", "rank"]].drop_duplicates()),
    ).toPandas()
    return _edges(ranks, scores)


def no_edges() -> pd.DataFrame:
    """The edges of no group."""
    import pandas as pd

    kinds = {"group_number": "int64", **dict.fromkeys(EDGES, "float64")}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _ranks(ranges: pd.DataFrame) -> pd.DataFrame:
    """The ranks on the two sides of each edge, and the edge's share of the way between them."""
    import pandas as pd

    positions = np.linspace(0, 1, 11) * (ranges["n"].to_numpy()[:, None] - 1)
    frame = pd.DataFrame(
        {
            "group_number": np.repeat(ranges["group_number"].to_numpy(), 11),
            "edge": np.tile(EDGES, len(ranges)),
            "position": positions.ravel(),
        }
    )
    frame["share"] = frame["position"] - np.floor(frame["position"])
    below, above = (side(frame["position"]).astype(np.int64) for side in (np.floor, np.ceil))
    return pd.concat([frame.assign(side="below", rank=below), frame.assign(side="above", rank=above)])


def _bins_of(ranks: pd.DataFrame, bins: pd.DataFrame) -> pd.DataFrame:
    """The bins that contain a rank: `group_number`, `bin` and `n_below`."""
    joined = ranks[["group_number", "rank"]].merge(bins, on="group_number")
    is_inside = (joined["rank"] >= joined["n_below"]) & (joined["rank"] < joined["n_below"] + joined["n"])
    return joined.loc[is_inside, ["group_number", "bin", "n_below"]].drop_duplicates()


def _edges(ranks: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    joined = ranks.merge(scores, on=["group_number", "rank"]).pivot(
        index=["group_number", "edge", "share"], columns="side", values="score"
    )
    share, below, above = joined.index.get_level_values("share").to_numpy(), joined["below"], joined["above"]
    # As numpy interpolates, so that the edges equal pandas' to the last bit.
    values = np.where(share < 0.5, below + (above - below) * share, above - (above - below) * (1 - share))
    wide = joined.assign(value=values).reset_index().pivot(index="group_number", columns="edge", values="value")
    wide = wide[[*EDGES]].reset_index()
    return wide[wide[[*EDGES]].nunique(axis=1) == len(EDGES)]
