"""The scores and true deciles of single locations, from which calibration is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.methods import NETWORK
from streetdeciles.queries import query, spark_frame
from streetdeciles.tables import AREA_LABELS, LOCATIONS, PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

MAX_LOCATIONS = 100_000
"""If there are many more, a sample is measured: its shares are within 0.3 % of those of all, and it fits the driver."""

_query = partial(query, "streetdeciles.evaluation")


@dataclass(frozen=True)
class Scored:
    """The locations of one region and outcome whose decile is known.

    area: int64 [n], row numbers in the frame of areas.
    scores, temperatures: float64 [n].
    deciles: int64 [n].
    """

    region: str
    outcome: str
    area: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    temperatures: npt.NDArray[np.float64]
    deciles: npt.NDArray[np.int64]


def scored_locations(spark: SparkSession, config: RunConfig, areas: pd.DataFrame) -> Iterator[Scored]:
    """The scores by region and outcome, for all locations or a sample of about MAX_LOCATIONS.

    `areas` has `region`, `area_id` and `n_locations`.
    """
    work_dir, outcomes = config.work_dir, config.dataset.outcomes
    tables = {table.name: storage.read_table(spark, table, work_dir) for table in (PREDICTIONS, LOCATIONS)}
    numbered = areas[["region", "area_id"]].reset_index(drop=True).reset_index(names="area_number")
    rows = _query(
        "scored_locations",
        {"network": NETWORK, "every": max(1, round(int(areas["n_locations"].sum()) / MAX_LOCATIONS))},
        **tables,
        outcomes=spark.createDataFrame(
            [*zip(outcomes, range(len(outcomes)), strict=True)], "outcome string, outcome_number int"
        ),
        areas=spark_frame(spark, numbered),
    ).toPandas()
    # Sorted, so that sums of floats do not depend on the partitions.
    rows = rows.sort_values(["outcome_number", "area_number", "score", "temperature"], ignore_index=True)
    truth = _true_deciles(spark, work_dir, numbered, outcomes)
    regions = areas["region"].to_numpy()
    area, number = (rows[name].to_numpy(np.int64) for name in ("area_number", "outcome_number"))
    scores, temperatures = (rows[name].to_numpy(np.float64) for name in ("score", "temperature"))
    deciles = truth[area, number]
    for outcome_number, outcome in enumerate(outcomes):
        for region in sorted(set(regions)):
            of_group = np.flatnonzero((number == outcome_number) & (deciles > 0) & (regions[area] == region))
            if len(of_group):
                arrays = (values[of_group] for values in (area, scores, temperatures, deciles))
                yield Scored(region, outcome, *arrays)


def _true_deciles(
    spark: SparkSession, work_dir: str, numbered: pd.DataFrame, outcomes: list[str]
) -> npt.NDArray[np.int64]:
    """Deciles [areas, outcomes], 0 where it is not known."""
    labels = storage.read_table(spark, AREA_LABELS, work_dir).where("decile IS NOT NULL")
    known = labels.select("region", "area_id", "outcome", "decile").toPandas().merge(numbered, on=["region", "area_id"])
    known = known[known["outcome"].isin(outcomes)]
    truth = np.zeros((len(numbered), len(outcomes)), np.int64)
    truth[known["area_number"], known["outcome"].map(outcomes.index)] = known["decile"]
    return truth
