"""Stage aggregation: from predictions of locations to deciles of areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.aggregation.areas import (
    aggregate_areas,
    count_areas,
    count_deciles,
    count_locations,
    label_areas,
    level_deciles,
)
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed
from streetdeciles.methods import AREA, NETWORK, SCORE_DECILE_MEAN
from streetdeciles.run_log import StageReport
from streetdeciles.stages import AGGREGATION_STAGE
from streetdeciles.staging import staged
from streetdeciles.tables import AREA_LABELS, AREA_PREDICTIONS, DECILE_COUNTS, PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write area_predictions and decile_counts.

    Raises:
        RunFailed: there are no predictions of the network.
    """
    work_dir, methods = config.work_dir, config.aggregation.methods
    area_labels = storage.read_table(spark, AREA_LABELS, work_dir)
    deciles = level_deciles(spark, work_dir, with_score_classes=SCORE_DECILE_MEAN in methods)
    with staged(label_areas(deciles, area_labels), work_dir, "labelled_areas") as labelled:
        n_of_group, n_unknown = count_locations(labelled)
        if not n_of_group and not n_unknown:
            where = storage.join(work_dir, PREDICTIONS.name)
            raise RunFailed(f"{where}: no predictions of the model {NETWORK}; run the stage prediction again")
        storage.write_table(count_deciles(labelled), DECILE_COUNTS, work_dir)
        rows = storage.write_table(aggregate_areas(labelled, methods), AREA_PREDICTIONS, work_dir)
    n_of_method = {
        (row["region"], row["outcome"], row["method"]): row["n"]
        for row in _locations_covered(storage.read_table(spark, AREA_PREDICTIONS, work_dir))
    }
    decile_counts = storage.read_table(spark, DECILE_COUNTS, work_dir)
    areas = {row["region"]: row for row in count_areas(decile_counts, area_labels).collect()}
    notes = [
        f"region {region}: {row['n_areas'] - row['n_predicted']} of {row['n_areas']} areas have no predicted location"
        for region, row in sorted(areas.items())
        if row["n_areas"] > row["n_predicted"]
    ]
    if config.dataset.held_out_deciles and SCORE_DECILE_MEAN in methods:
        held_out = ", ".join(map(str, config.dataset.held_out_deciles))
        notes.append(
            f"{SCORE_DECILE_MEAN} divides locations of decile {held_out} alone into ten classes: choose another method"
        )
    counts = {
        "predictions (locations x outcomes)": sum(n_of_group.values()) + n_unknown,
        "predictions of unknown locations": n_unknown,
        "areas": sum(row["n_areas"] for row in areas.values()),
        "areas predicted": sum(row["n_predicted"] for row in areas.values()),
        "rows (areas of all levels x outcomes x methods)": rows,
    }
    return StageReport(AGGREGATION_STAGE, counts, [*notes, *_missing_methods(n_of_group, n_of_method, methods)])


def _locations_covered(area_predictions: DataFrame) -> list[Row]:
    """The number of locations, `n`, in the areas of each region, outcome and method."""
    from pyspark.sql import functions as F

    areas = area_predictions.where(F.col("level") == AREA)
    return areas.groupBy("region", "outcome", "method").agg(F.sum("n_locations").alias("n")).collect()


def _missing_methods(
    n_of_group: Mapping[tuple[str, str], int],
    n_of_method: Mapping[tuple[str, str, str], int],
    methods: Sequence[str],
) -> list[str]:
    """A note for each method that could not be computed; RunFailed if one does not cover all predictions."""
    notes = []
    for (region, outcome), n in sorted(n_of_group.items()):
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
