"""Deciles of areas by further methods and by the baselines, which maps can show in place of the report's method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.methods import AREA, BASELINES
from streetdeciles.queries import query
from streetdeciles.tables import AREA_PREDICTIONS
from streetdeciles.tables import BASELINES as BASELINES_TABLE

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

MAX_DECILES = 700_000
"""Each takes 1.3 bytes of the page. If there are more, the page has only the first methods of the config."""

COLUMNS = ("region", "area_id", "outcome", "method", "decile")


def read_other_methods(spark: SparkSession, config: RunConfig, n_rows: int) -> pd.DataFrame:
    """COLUMNS of as many methods as the page may hold, in the order of the config and then of BASELINES.

    `n_rows`: the number of areas times that of outcomes.
    """
    import pandas as pd

    other_methods = [name for name in config.aggregation.methods if name != config.report.method]
    methods: list[str] = [*other_methods, *BASELINES][: MAX_DECILES // max(1, n_rows)]
    if not methods:
        return pd.DataFrame(columns=list(COLUMNS))
    areas, baselines = (
        storage.read_table(spark, table, config.work_dir)
        if storage.exists(storage.join(config.work_dir, table.name))
        else spark.createDataFrame([], table.ddl)
        for table in (AREA_PREDICTIONS, BASELINES_TABLE)
    )
    arguments = {"level": AREA, "methods": ",".join(methods)}
    rows = query(
        "streetdeciles.report", "other_methods", arguments, area_predictions=areas, baselines=baselines
    ).toPandas()
    known = rows[rows["outcome"].isin(config.dataset.outcomes)]
    order = {name: number for number, name in enumerate(methods)}
    return known.sort_values("method", key=lambda names: names.map(order), kind="stable")


def encoded(rows: pd.DataFrame, area_ids: list[str], outcomes: Sequence[str]) -> dict[str, dict[str, bytes]]:
    """By method and outcome one byte per area, in this order: twice the decile, 0 = not known.

    `rows`: COLUMNS of one region.
    """
    codes: dict[str, dict[str, bytes]] = {}
    for method, of_method in rows.groupby("method", sort=False):
        by_outcome = {}
        for outcome in outcomes:
            deciles = of_method[of_method["outcome"] == outcome].set_index("area_id")["decile"].reindex(area_ids)
            by_outcome[outcome] = np.rint(2 * deciles.fillna(0).to_numpy(float)).astype(np.uint8).tobytes()
        codes[str(method)] = by_outcome
    return codes
