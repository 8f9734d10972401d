"""One pass over the predictions of locations: counts from which the deciles of areas, and all measures, follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.aggregation.quantiles import no_edges, score_edges
from streetdeciles.methods import NETWORK
from streetdeciles.queries import query, spark_frame
from streetdeciles.session import spark_settings

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

MAX_BROADCAST = 3_000_000
"""Up to so many locations each task holds a map of them, so that the predictions need not be sorted to be joined."""

_query = partial(query, "streetdeciles.aggregation")


@dataclass(frozen=True)
class Counted:
    """Counts of the smallest units in which locations differ, e.g. output areas, with numbers in place of texts.

    units: `unit`, `region`, `area_id`, `oa`, `msoa` and `district`, in the order of `unit` (0, 1, …).
    counts: one row per unit and group, sorted, with the columns of `unit_counts.sql`; a group is one outcome
        in one region.
    n_unknown: the number of predictions of locations that are not in the table locations.
    """

    units: pd.DataFrame
    counts: pd.DataFrame
    regions: tuple[str, ...]
    outcomes: tuple[str, ...]
    n_unknown: int

    def predictions(self) -> dict[tuple[str, str], int]:
        """The number of predictions of known locations of each region and outcome."""
        sums = self.counts.groupby("group_number")["n_locations"].sum()
        named = (divmod(int(number), len(self.outcomes)) for number in sums.index)
        names = [(self.regions[region], self.outcomes[outcome]) for region, outcome in named]
        return dict(zip(names, sums.tolist(), strict=True))

    def outcome_numbers(self, spark: SparkSession) -> DataFrame:
        """`outcome` and `outcome_number`."""
        return _numbered(spark, "outcome", self.outcomes)


def count_units(predictions: DataFrame, locations: DataFrame, *, with_score_deciles: bool) -> Counted:
    """Count the network's predictions."""
    from pyspark.sql import functions as F

    spark = predictions.sparkSession
    outcomes = _distinct(predictions.where(F.col("model") == NETWORK), "outcome")
    regions = _distinct(locations, "region")
    units = _smallest_units(locations)
    located = _query(
        "numbered_locations",
        locations=locations,
        units=spark_frame(spark, units),
        regions=_numbered(spark, "region", regions),
    )
    if locations.count() <= MAX_BROADCAST:
        located = F.broadcast(located)
    numbered = _query(
        "numbered_predictions",
        {"n_outcomes": len(outcomes), "network": NETWORK},
        predictions=predictions,
        locations=located,
        outcomes=_numbered(spark, "outcome", outcomes),
    )
    if with_score_deciles:
        # The quantiles read it twice. It is numbers already, and compressing them takes longer than reading them.
        with spark_settings(spark, {"spark.sql.inMemoryColumnarStorage.compressed": "false"}):
            numbered = numbered.persist()
    try:
        edges = score_edges(numbered) if with_score_deciles else no_edges()
        counts = _query("unit_counts", numbered=numbered, edges=spark_frame(spark, edges)).toPandas()
    finally:
        numbered.unpersist()
    is_unknown = counts["unit"].isna()
    known = counts[~is_unknown].astype({"unit": "int64", "group_number": "int64"})
    # Sorted, so that sums of floats do not depend on the partitions.
    known = known.sort_values(["unit", "group_number"], ignore_index=True)
    return Counted(units, known, regions, outcomes, int(counts.loc[is_unknown, "n_locations"].sum()))


def _smallest_units(locations: DataFrame) -> pd.DataFrame:
    """The smallest units that locations may differ in, numbered from 0: their counts add up to those of every level."""
    columns = ["region", "area_id", "oa", "msoa", "district"]
    units = locations.select(columns).distinct().toPandas()
    units = units.sort_values(columns, na_position="first", ignore_index=True)
    return units.assign(unit=np.arange(len(units), dtype=np.int32))


def _distinct(frame: DataFrame, column: str) -> tuple[str, ...]:
    return tuple(sorted(row[0] for row in frame.select(column).distinct().collect()))


def _numbered(spark: SparkSession, column: str, names: tuple[str, ...]) -> DataFrame:
    rows = [(name, number) for number, name in enumerate(names)]
    return spark.createDataFrame(rows, f"{column} string, {column}_number int")
