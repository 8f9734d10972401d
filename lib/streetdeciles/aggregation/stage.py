"""Stage aggregation: from predictions of locations to deciles of areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.aggregation.areas import aggregate_areas, count_areas, locate
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed
from streetdeciles.methods import NETWORK, SCORE_DECILE_MEAN
from streetdeciles.run_log import StageReport
from streetdeciles.tables import AREA_LABELS, AREA_PREDICTIONS, LOCATIONS, PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write area_predictions.

    Raises:
        RunFailed: there are no predictions of the network.
    """
    work_dir, methods = config.work_dir, config.aggregation.methods
    area_labels = storage.read_table(spark, AREA_LABELS, work_dir)
    locations = storage.read_table(spark, LOCATIONS, work_dir)
    predictions = storage.read_table(spark, PREDICTIONS, work_dir)
    located = locate(predictions, locations, area_labels).persist()
    try:
        n_of_group = {(row["region"], row["outcome"]): row["n"] for row in _groups(located, "count(*)")}
        if not n_of_group:
            where = storage.join(work_dir, PREDICTIONS.name)
            raise RunFailed(f"{where}: no predictions of the model {NETWORK}; run the stage prediction again")
        rows = storage.write_table(aggregate_areas(located, methods), AREA_PREDICTIONS, work_dir)
    finally:
        located.unpersist()
    area_predictions = storage.read_table(spark, AREA_PREDICTIONS, work_dir)
    n_of_method = {
        (row["region"], row["outcome"], row["method"]): row["n"]
        for row in _groups(area_predictions, "sum(n_locations)", "method")
    }
    areas = {row["region"]: row for row in count_areas(area_predictions, area_labels).collect()}
    notes = [
        f"region {region}: {row['n_areas'] - row['n_predicted']} of {row['n_areas']} areas have no predicted location"
        for region, row in sorted(areas.items())
        if row["n_areas"] > row["n_predicted"]
    ]
    if config.dataset.held_out_deciles and SCORE_DECILE_MEAN in methods:
        deciles = ", ".join(map(str, config.dataset.held_out_deciles))
        notes.append(
            f"{SCORE_DECILE_MEAN} divides locations of decile {deciles} alone into ten classes: choose another method"
        )
    counts = {
        "predictions (locations x outcomes)": sum(n_of_group.values()),
        "predictions of unknown locations": sum(n for (region, _), n in n_of_group.items() if region is None),
        "areas": sum(row["n_areas"] for row in areas.values()),
        "areas predicted": sum(row["n_predicted"] for row in areas.values()),
        "rows (areas x outcomes x methods)": rows,
    }
    return StageReport("aggregation", counts, [*notes, *_check(n_of_group, n_of_method, methods)])


def _groups(frame: DataFrame, count: str, *more: str) -> list[Row]:
    from pyspark.sql import functions as F

    return frame.groupBy("region", "outcome", *more).agg(F.expr(count).alias("n")).collect()


def _check(
    n_of_group: Mapping[tuple[str | None, str], int],
    n_of_method: Mapping[tuple[str, str, str], int],
    methods: Sequence[str],
) -> list[str]:
    """A note for each method that could not be computed; RunFailed if one does not cover all predictions."""
    notes = []
    known = sorted((region, outcome, n) for (region, outcome), n in n_of_group.items() if region is not None)
    for region, outcome, n in known:
        for method in methods:
            covered = n_of_method.get((region, outcome, method))
            if covered is None:
                notes.append(
                    f"{outcome} in {region} has no {method}: the scores of its {n} locations give fewer than ten "
                    "classes, because many are equal"
                )
            elif covered != n:
                raise RunFailed(
                    f"area_predictions: {method} of {outcome} in {region} covers {covered} of {n} predictions"
                )
    return notes
