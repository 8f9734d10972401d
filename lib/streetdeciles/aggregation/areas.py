"""From predictions of locations to predictions of areas, with Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.aggregation.grouping import aggregate_groups
from streetdeciles.aggregation.levels import LEVEL_KINDS, NO_LEVEL, find_levels
from streetdeciles.aggregation.located import UNIT_COLUMNS, number_locations, number_regions
from streetdeciles.aggregation.reading import GROUPED, grouped_predictions, prediction_files, read_locations
from streetdeciles.methods import AGGREGATION_METHODS, AREA
from streetdeciles.parallel import task_slots
from streetdeciles.queries import query
from streetdeciles.tables import LOCATIONS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_query = partial(query, "streetdeciles.aggregation")


def level_deciles(spark: SparkSession, work_dir: str, *, with_score_classes: bool) -> DataFrame:
    """Rows of LEVEL_KINDS: how often each decile is predicted in the areas of every level, and their deciles by each
    method.

    `score_mean`: the most probable decile of the mean score. `score_decile_mean`: pandas' `qcut` puts all scores of an
    outcome and region into ten classes, and an area gets their mean, rounded half to even; NaN if the scores give
    fewer than ten classes. `decile_mean`, `decile_median`, `decile_mode`: mean (rounded half to even), median (may be
    between two deciles) and mode (the mean of tied modes) of the predicted deciles. Scores of all folds are pooled.

    Workers read the files themselves, also that of the locations: what is then shuffled is numbers, not rows with
    texts, and the driver has the units alone, whose number does not grow with that of locations.
    """
    units = _units(spark, work_dir)
    _, regions = number_regions(units)
    levels = tuple(find_levels(units))

    def grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        uris = [uri for batch in batches for uri in batch.column("uri").to_pylist()]
        if uris:
            located = number_locations(read_locations(work_dir), units)
            for uri in uris:
                yield from grouped_predictions(uri, located)

    def aggregated(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return aggregate_groups(batches, regions, levels, with_score_classes=with_score_classes)

    uris = prediction_files(work_dir)
    files = spark.createDataFrame([(uri,) for uri in uris], "uri string")
    files = files.repartition(max(1, min(len(uris), task_slots(spark))))
    groups = files.mapInArrow(grouped, _ddl(GROUPED)).repartition("region_number", "outcome")
    return groups.mapInArrow(aggregated, _ddl(LEVEL_KINDS))


def _units(spark: SparkSession, work_dir: str) -> pd.DataFrame:
    """The UNIT_COLUMNS of all units, null where a unit lacks a level."""
    locations = storage.read_table(spark, LOCATIONS, work_dir).where("area_id IS NOT NULL")
    return locations.select(*UNIT_COLUMNS).distinct().toPandas()


def _ddl(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in kinds.items())


def count_locations(deciles: DataFrame) -> tuple[dict[tuple[str, str], int], int]:
    """The number of predictions of known locations of each region and outcome, and that of unknown locations."""
    from pyspark.sql import functions as F

    rows = deciles.where(F.col("level").isin(AREA, NO_LEVEL))
    counts = rows.groupBy("region", "outcome").agg(F.sum("n_locations").alias("n")).collect()
    known = {(row["region"], row["outcome"]): row["n"] for row in counts if row["region"] is not None}
    return known, sum(row["n"] for row in counts if row["region"] is None)


def label_areas(deciles: DataFrame, area_labels: DataFrame) -> DataFrame:
    """`deciles` with `true_decile`, which only areas have."""
    return _query("labelled_areas", {"area": AREA}, deciles=deciles, area_labels=area_labels)


def aggregate_areas(deciles: DataFrame, methods: Sequence[str]) -> DataFrame:
    """Rows of the table area_predictions for each of `methods`, from the rows of `label_areas`."""
    from pyspark.sql import functions as F

    rows = _query("area_predictions", {name: name for name in AGGREGATION_METHODS}, deciles=deciles)
    return rows.where(F.col("method").isin(*methods))


def count_deciles(deciles: DataFrame) -> DataFrame:
    """Rows of the table decile_counts, from the rows of `label_areas`."""
    return _query("decile_counts", {"area": AREA}, deciles=deciles)


def count_areas(decile_counts: DataFrame, area_labels: DataFrame) -> DataFrame:
    """`region`, `n_areas` (with a label or a prediction) and `n_predicted`."""
    return _query("counted_areas", decile_counts=decile_counts, area_labels=area_labels)
