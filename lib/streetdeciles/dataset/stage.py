"""Stage dataset: from features, locations and deciles to the training set, with an optional export as HDF5."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.dataset.feature_source import FeatureSource, open_feature_source
from streetdeciles.dataset.hdf5 import FILE_NAMES, export_hdf5, remove_export
from streetdeciles.dataset.join import build_rows, find_left_out, found_photographs, numbered_locations
from streetdeciles.dataset.losses import count_losses, find_unlabelled, refuse_losses
from streetdeciles.dataset.summary import count_rows, held_out_notes, label_notes, nothing_in_common, view_notes
from streetdeciles.dataset.units import assign_units, with_folds, with_units
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.run_log import StageReport
from streetdeciles.session_settings import spark_settings
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import DATASET_STAGE, LABELS_STAGE, STAGE_NAMES
from streetdeciles.tables import AREA_LABELS, LEFT_OUT, LOCATIONS, TRAINING_SET
from streetdeciles.training_set.columns import TrainingSetShape
from streetdeciles.training_set.reader import training_set_shape
from streetdeciles.training_set.writer import write_training_set

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SMALL_BATCHES = {
    "spark.sql.parquet.columnarReaderBatchSize": "256",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1024",
}
"""A view is 16 KB of float32, and Spark counts rows: with its defaults of 4,096 and 10,000 a task would take 400 MB."""


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write training_set, left_out/stage=dataset and, if asked for, training_set.h5 and training_set.csv.

    Raises:
        RunRefused: no location has features, or there are too few areas or deciles for the split.
        RunFailed: more photographs are lost, or location_ids spelled differently, than the config allows.
    """
    area_labels = storage.read_table(spark, AREA_LABELS, config.work_dir)
    _refuse_without_deciles(area_labels, config.dataset.outcomes)
    with open_feature_source(spark, config) as source:
        counts, notes = _write_rows(spark, config, source, area_labels)
    if config.dataset.hdf5:
        export(config)
        counts[f"rows in {FILE_NAMES[0]}"] = counts["rows"]
    return StageReport(DATASET_STAGE, counts, notes)


def _write_rows(
    spark: SparkSession, config: RunConfig, source: FeatureSource, area_labels: DataFrame
) -> tuple[dict[str, int], list[str]]:
    """Write the tables; returns counts and notes for the report."""
    work_dir, outcomes, views = config.work_dir, config.dataset.outcomes, source.views
    locations = with_units(storage.read_table(spark, LOCATIONS, work_dir), config.dataset.split_level)
    unlabelled = find_unlabelled(_left_out(spark, config, (LABELS_STAGE,)))
    with (
        found_photographs(source.keys, locations, unlabelled, views=views, work_dir=work_dir) as photographs,
        numbered_locations(locations, photographs, area_labels, outcomes, work_dir) as (numbered, rows),
    ):
        if not rows or source.feature_size is None:
            raise RunRefused(nothing_in_common(source, locations, photographs))
        folds, split_notes = assign_units(numbered, split_of(config.dataset), config)
        held_out = held_out_notes(numbered, config.dataset)
        remove_export(work_dir)  # an export of older rows must not be left beside the new ones
        left_out = find_left_out(locations, photographs, source.rejects, views=views, words=source.words)
        if source.left_out is not None:
            left_out = left_out.unionByName(source.left_out.selectExpr("*", f"'{DATASET_STAGE}' AS stage"))
        storage.write_partition(left_out, LEFT_OUT, work_dir, DATASET_STAGE)
        stages = [name for name in STAGE_NAMES if name not in config.replaced_stages]
        all_left_out = _left_out(spark, config, stages)
        counts = count_rows(all_left_out, locations, photographs, source, rows)
        losses = count_losses(all_left_out, photographs, source, locations=counts["locations"])
        refuse_losses(losses, config.dataset)
        shape = TrainingSetShape(rows, views, source.feature_size, tuple(outcomes))
        n_photographs = counts[source.words.with_features]
        rows_of_set = build_rows(source.features, with_folds(numbered, folds), shape, n_photographs=n_photographs)
        _write_set(rows_of_set, shape, work_dir)
        of_rows = [*label_notes(numbered, outcomes), *view_notes(photographs, rows, views)]
    return counts, [*split_notes, *held_out, *of_rows, *losses.notes(), *source.notes]


def export(config: RunConfig) -> None:
    """Write the training set as HDF5 and CSV if the config asks for it, in place of an older export."""
    remove_export(config.work_dir)
    if config.dataset.hdf5:
        export_hdf5(storage.join(config.work_dir, TRAINING_SET), config.work_dir)


def _refuse_without_deciles(area_labels: DataFrame, outcomes: Sequence[str]) -> None:
    """RunRefused if the stage labels made no deciles of an outcome, because dataset.outcomes did not list it then."""
    from pyspark.sql import functions as F

    asked = area_labels.where(F.col("outcome").isin([*outcomes]))
    counted = asked.groupBy("outcome", "region").agg(
        F.count("value").alias("values"), F.count("decile").alias("deciles")
    )
    rows = counted.collect()
    lacking = {*outcomes} - {row["outcome"] for row in rows}
    lacking |= {row["outcome"] for row in rows if row["values"] and not row["deciles"]}
    if lacking:
        raise RunRefused(
            f"dataset.outcomes: area_labels has no deciles of {', '.join(sorted(lacking))}, because it was made for "
            "other outcomes; redo it: streetdeciles run --force --from labels"
        )


def _write_set(rows: DataFrame, shape: TrainingSetShape, work_dir: str) -> None:
    with storage.new_table(work_dir, TRAINING_SET) as uri:
        with spark_settings(rows.sparkSession, SMALL_BATCHES):
            write_training_set(rows, uri, shape)
        written = training_set_shape(uri)
        if written != shape:
            raise RunFailed(f"training_set: expected {shape}, but wrote {written}; run the stage dataset again")


def _left_out(spark: SparkSession, config: RunConfig, stages: Collection[str]) -> DataFrame:
    """What these stages left out."""
    if not storage.exists(storage.join(config.work_dir, LEFT_OUT.name)):
        return spark.createDataFrame([], LEFT_OUT.ddl)
    left_out = storage.read_table(spark, LEFT_OUT, config.work_dir)
    return left_out.where(left_out["stage"].isin([*stages]))
