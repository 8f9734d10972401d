"""The edges of ten equal classes of scores, exactly as pandas' `qcut` has them, without sorting all scores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.queries import query, spark_frame

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

BINS_PER_UNIT = 256
"""Only the bins that contain an edge are sorted: at most 22 of the thousands into which scores fall."""

EDGES = tuple(f"edge_{number}" for number in range(11))

_query = partial(query, "streetdeciles.aggregation")


def score_edges(numbered: DataFrame) -> pd.DataFrame:
    """`group_number` and EDGES, in ascending order, for each group whose scores give ten classes.

    `numbered` has `group_number` and `score`; it is read twice.
    """
    spark, width = numbered.sparkSession, {"bins_per_unit": BINS_PER_UNIT}
    bins = _query("score_bins", width, numbered=numbered).toPandas().sort_values(["group_number", "bin"])
    if bins.empty:
        return no_edges()
    bins["n_below"] = bins.groupby("group_number")["n"].cumsum() - bins["n"]
    ranks = _ranks(bins.groupby("group_number")["n"].sum())
    scores = _query(
        "ranked_scores",
        width,
        numbered=numbered,
        bins=spark_frame(spark, _bins_of(ranks, bins)),
        ranks=spark_frame(spark, ranks[["group_number", "rank"]].drop_duplicates()),
    ).toPandas()
    return _edges(ranks, scores)


def no_edges() -> pd.DataFrame:
    """The edges of no group."""
    import pandas as pd

    kinds = {"group_number": "int64", **dict.fromkeys(EDGES, "float64")}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _ranks(n_of_group: pd.Series[int]) -> pd.DataFrame:
    """The ranks on the two sides of each edge, and the edge's share of the way between them."""
    import pandas as pd

    # Per cent and back, as pandas does: 0.7 is not the same number otherwise.
    positions = np.linspace(0, 1, 11) * 100 / 100 * (n_of_group.to_numpy()[:, None] - 1)
    frame = pd.DataFrame(
        {
            "group_number": np.repeat(n_of_group.index.to_numpy(), 11),
            "edge": np.tile(EDGES, len(n_of_group)),
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
