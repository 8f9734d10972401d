"""Stage evaluation: how close predicted deciles are to the actual ones, with 95 % intervals."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.evaluation.baseline import median_cells, worse_than_median
from streetdeciles.evaluation.bootstrap import measure
from streetdeciles.methods import LOCATION, MEDIAN, NETWORK, PREDICTION
from streetdeciles.queries import query
from streetdeciles.run_log import StageReport
from streetdeciles.tables import AREA_LABELS, AREA_PREDICTIONS, LOCATIONS, METRICS, PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, Row, SparkSession

_query = partial(query, "streetdeciles.evaluation")

GROUP = ("region", "outcome", "level")


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write metrics: for each region, outcome and level one row per method of the network, and one for the baseline.

    Level `location` has the method `prediction`, level `area` the methods of the aggregation; the baseline has the
    method and model `median` (`baseline.py`).
    """
    import pandas as pd

    cells = _cells(spark, config.work_dir).persist()
    try:
        groups = _count(cells)
        rows = [row for group in groups if group["known"] for row in _metrics(_collect(cells, group), config)]
    finally:
        cells.unpersist()
    lines = [tuple(row.get(name) for name in METRICS.columns) for row in rows]
    n_rows = storage.write_table(spark.createDataFrame(lines, METRICS.ddl), METRICS, config.work_dir)
    counts = {
        f"{level} predictions {what}": sum(group[key] for group in groups if group["level"] == level)
        for level in sorted({group["level"] for group in groups}, reverse=True)
        for what, key in (("measured", "known"), ("without a true decile", "unknown"))
    }
    counts["rows (regions x outcomes x levels x methods)"] = n_rows
    notes = _notes(groups, config.dataset.outcomes)
    if rows and (worse := worse_than_median(pd.DataFrame(rows), config.report.method)):
        notes.append(worse)
    return StageReport("evaluation", counts, notes)


def _cells(spark: SparkSession, work_dir: str) -> DataFrame:
    """Counts of pairs of deciles: at most 10 rows per region, outcome, level, method and area."""
    tables = (PREDICTIONS, LOCATIONS, AREA_LABELS, AREA_PREDICTIONS)
    names = {"location": LOCATION, "prediction": PREDICTION, "network": NETWORK}
    return _query("measured", names, **{table.name: storage.read_table(spark, table, work_dir) for table in tables})


def _count(cells: DataFrame) -> list[Row]:
    """For each group, the numbers of predictions whose true decile is `known` and `unknown`."""
    return _query("counted_groups", cells=cells).collect()


def _collect(cells: DataFrame, group: Row) -> pd.DataFrame:
    from pyspark.sql import functions as F

    for name in GROUP:
        cells = cells.where(F.col(name) == group[name])
    return cells.where("true_decile IS NOT NULL").toPandas()


def _metrics(cells: pd.DataFrame, config: RunConfig) -> list[dict[str, Any]]:
    """Rows of metrics for the cells of one group."""
    import pandas as pd

    group = {name: str(cells[name].iloc[0]) for name in GROUP}
    # Seeded by the group's name, so that another outcome does not change the intervals of this one.
    random = np.random.default_rng([config.seed, zlib.crc32("/".join(group.values()).encode())])
    both = pd.concat([cells, median_cells(cells)])
    measured = measure(both, samples=config.evaluation.bootstrap, random=random)
    return [
        {**group, "method": method, "model": MEDIAN if method == MEDIAN else NETWORK, **values}
        for method, values in measured.items()
    ]


def _notes(groups: Sequence[Row], outcomes: Sequence[str]) -> list[str]:
    unmeasured = [
        f"{group['outcome']} in {group['region']}: no predicted {group['level']} has a true decile to measure against"
        for group in groups
        if not group["known"]
    ]
    predicted = {group["outcome"] for group in groups}
    return [*unmeasured, *(f"{outcome}: no predictions" for outcome in outcomes if outcome not in predicted)]
