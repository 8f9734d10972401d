"""Stage evaluation: how close predicted deciles are to the actual ones, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.evaluation.baselines import area_centres, predict_baselines
from streetdeciles.evaluation.comparisons import describe, worse_than_median
from streetdeciles.evaluation.groups import measure_groups
from streetdeciles.evaluation.uncertainty import assess, with_rps
from streetdeciles.methods import AREA, LOCATION, PREDICTION
from streetdeciles.queries import query, spark_frame
from streetdeciles.run_log import StageReport
from streetdeciles.stages import EVALUATION_STAGE
from streetdeciles.table import Table
from streetdeciles.tables import (
    AREA_INTERVALS,
    AREA_LABELS,
    AREA_PREDICTIONS,
    BREAKDOWNS,
    CALIBRATION,
    COMPARISONS,
    DECILE_COUNTS,
    FOLD_METRICS,
    LOCATIONS,
    METRICS,
    TRAINING_SET,
)
from streetdeciles.tables import BASELINES as BASELINES_TABLE
from streetdeciles.training_set.columns import training_set_ddl

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, Row, SparkSession

_query = partial(query, "streetdeciles.evaluation")


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write metrics, fold_metrics, calibration, area_intervals, baselines, comparisons and breakdowns.

    For each region, outcome and level, metrics has one row per method of the network and one per baseline: the method
    `prediction` and the baseline `median` at level `location`, the methods of the aggregation and every baseline at
    level `area`.
    """
    import pandas as pd

    centres = area_centres(storage.read_table(spark, LOCATIONS, config.work_dir), config.labels)
    predicted = predict_baselines(spark, config, centres)
    areas = _areas(spark, config).merge(centres, on="area_id", how="left")
    cells = _cells(spark, config.work_dir)
    groups = _count(cells)
    measured = measure_groups(cells, groups, predicted, areas, config)
    metrics = [row for of_group in measured for row in of_group.metrics]
    comparisons = [row for of_group in measured for row in of_group.comparisons]
    uncertainty = assess(spark, config, areas)
    with_rps(metrics, uncertainty.rps)
    storage.write_table(_with_true_deciles(spark, config.work_dir, predicted), BASELINES_TABLE, config.work_dir)
    n_rows = _write(spark, METRICS, config.work_dir, metrics)
    _write(spark, COMPARISONS, config.work_dir, comparisons)
    _write(spark, BREAKDOWNS, config.work_dir, [row for of_group in measured for row in of_group.breakdowns])
    _write(spark, FOLD_METRICS, config.work_dir, [row for of_group in measured for row in of_group.fold_metrics])
    _write(spark, CALIBRATION, config.work_dir, uncertainty.calibration)
    storage.write_table(spark_frame(spark, uncertainty.area_intervals), AREA_INTERVALS, config.work_dir)
    counts = {
        f"{level} predictions {what}": sum(group[key] for group in groups if group["level"] == level)
        for level in sorted({group["level"] for group in groups}, reverse=True)
        for what, key in (("measured", "known"), ("without a true decile", "unknown"))
    }
    counts["rows (regions x outcomes x levels x methods)"] = n_rows
    notes = _notes(groups, config.dataset.outcomes)
    if n_blocks := areas.loc[areas["block"] >= 0, "block"].nunique():
        notes.append(f"intervals are from random samples of {n_blocks} blocks, because areas in a block are alike")
    if metrics:
        frames = pd.DataFrame(metrics), pd.DataFrame(comparisons, columns=[*COMPARISONS.columns])
        notes += describe(*frames, config.report.method)
        notes += filter(None, [worse_than_median(frames[0], config.report.method)])
    return StageReport(EVALUATION_STAGE, counts, notes)


def _cells(spark: SparkSession, work_dir: str) -> DataFrame:
    """Counts of pairs of deciles: at most 10 rows per region, outcome, level, method and area."""
    tables = (DECILE_COUNTS, AREA_PREDICTIONS)
    names = {"area": AREA, "location": LOCATION, "prediction": PREDICTION}
    return _query("measured", names, **{table.name: storage.read_table(spark, table, work_dir) for table in tables})


def _count(cells: DataFrame) -> list[Row]:
    """For each group, the numbers of predictions whose true decile is `known` and `unknown`."""
    return _query("counted_groups", cells=cells).collect()


def _areas(spark: SparkSession, config: RunConfig) -> pd.DataFrame:
    frames = {table.name: storage.read_table(spark, table, config.work_dir) for table in (LOCATIONS, DECILE_COUNTS)}
    uri, ddl = storage.join(config.work_dir, TRAINING_SET), training_set_ddl(config.dataset.outcomes)
    return _query("measured_areas", **frames, training_set=storage.read_parquet(spark, uri, schema=ddl)).toPandas()


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
