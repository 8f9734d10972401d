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
from streetdeciles.evaluation.baselines import predict_baselines
from streetdeciles.evaluation.bootstrap import measure
from streetdeciles.evaluation.comparisons import baseline_cells, compare, describe, worse_than_median
from streetdeciles.methods import AREA, BASELINES, LOCATION, MEDIAN, NETWORK, PREDICTION
from streetdeciles.queries import query, spark_frame
from streetdeciles.run_log import StageReport
from streetdeciles.stages import EVALUATION_STAGE
from streetdeciles.tables import AREA_LABELS, AREA_PREDICTIONS, COMPARISONS, LOCATIONS, METRICS, PREDICTIONS, Table
from streetdeciles.tables import BASELINES as BASELINES_TABLE

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, Row, SparkSession

_query = partial(query, "streetdeciles.evaluation")

GROUP = ("region", "outcome", "level")


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write metrics, baselines and comparisons.

    For each region, outcome and level, metrics has one row per method of the network and one per baseline: the method
    `prediction` and the baseline `median` at level `location`, the methods of the aggregation and every baseline at
    level `area`.
    """
    import pandas as pd

    predicted = predict_baselines(spark, config)
    cells = _cells(spark, config.work_dir).persist()
    metrics: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    try:
        groups = _count(cells)
        for group in groups:
            if group["known"]:
                of_group = _with_baselines(_collect(cells, group), predicted)
                metrics += _metrics(of_group, config)
                comparisons += _comparisons(of_group, config)
    finally:
        cells.unpersist()
    storage.write_table(_with_true_deciles(spark, config.work_dir, predicted), BASELINES_TABLE, config.work_dir)
    n_rows = _write(spark, METRICS, config.work_dir, metrics)
    _write(spark, COMPARISONS, config.work_dir, comparisons)
    counts = {
        f"{level} predictions {what}": sum(group[key] for group in groups if group["level"] == level)
        for level in sorted({group["level"] for group in groups}, reverse=True)
        for what, key in (("measured", "known"), ("without a true decile", "unknown"))
    }
    counts["rows (regions x outcomes x levels x methods)"] = n_rows
    notes = _notes(groups, config.dataset.outcomes)
    if metrics:
        frames = pd.DataFrame(metrics), pd.DataFrame(comparisons, columns=[*COMPARISONS.columns])
        notes += describe(*frames, config.report.method)
        notes += filter(None, [worse_than_median(frames[0], config.report.method)])
    return StageReport(EVALUATION_STAGE, counts, notes)


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


def _with_baselines(cells: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """`cells`, those of one group, and those of the baselines; at level `location` of the median only."""
    import pandas as pd

    region, outcome, level = (str(cells[name].iloc[0]) for name in GROUP)
    is_same = (predicted["region"] == region) & (predicted["outcome"] == outcome)
    if level == LOCATION:
        is_same &= predicted["model"] == MEDIAN
    beside = baseline_cells(cells, predicted[is_same])
    return pd.concat([cells, beside.assign(region=region, outcome=outcome, level=level)], ignore_index=True)


def _random(cells: pd.DataFrame, config: RunConfig) -> np.random.Generator:
    """Seeded by the group's name, so that another outcome does not change the intervals of this one."""
    group = "/".join(str(cells[name].iloc[0]) for name in GROUP)
    return np.random.default_rng([config.seed, zlib.crc32(group.encode())])


def _metrics(cells: pd.DataFrame, config: RunConfig) -> list[dict[str, Any]]:
    """Rows of metrics for the cells of one group."""
    group = {name: str(cells[name].iloc[0]) for name in GROUP}
    measured = measure(cells, samples=config.evaluation.bootstrap, random=_random(cells, config))
    return [
        {**group, "method": method, "model": method if method in BASELINES else NETWORK, **values}
        for method, values in measured.items()
    ]


def _comparisons(cells: pd.DataFrame, config: RunConfig) -> list[dict[str, Any]]:
    """Rows of comparisons for the cells of one group; none at level `location`."""
    group = {name: str(cells[name].iloc[0]) for name in GROUP}
    if group["level"] != AREA:
        return []
    random = _random(cells, config)
    rows = compare(cells, config.report.method, samples=config.evaluation.bootstrap, random=random)
    return [{**group, **row} for row in rows]


def _with_true_deciles(spark: SparkSession, work_dir: str, predicted: pd.DataFrame) -> DataFrame:
    """Rows of the table baselines."""
    labels = storage.read_table(spark, AREA_LABELS, work_dir)
    rows = spark_frame(spark, predicted)
    return _query("baselines", baselines=rows, area_labels=labels)


def _write(spark: SparkSession, table: Table, work_dir: str, rows: list[dict[str, Any]]) -> int:
    lines = [tuple(row.get(name) for name in table.columns) for row in rows]
    return storage.write_table(spark.createDataFrame(lines, table.ddl), table, work_dir)


def _notes(groups: Sequence[Row], outcomes: Sequence[str]) -> list[str]:
    unmeasured = [
        f"{group['outcome']} in {group['region']}: no predicted {group['level']} has a true decile to measure against"
        for group in groups
        if not group["known"]
    ]
    predicted = {group["outcome"] for group in groups}
    return [*unmeasured, *(f"{outcome}: no predictions" for outcome in outcomes if outcome not in predicted)]
