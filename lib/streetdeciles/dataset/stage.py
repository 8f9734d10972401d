"""Stage dataset: features, locations and deciles to the training set, and its export as HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import DatasetConfig, ImagesConfig, RunConfig
from streetdeciles.dataset.hdf5 import FILE_NAMES, export_hdf5
from streetdeciles.dataset.join import build_rows, count_areas, find_left_out, find_photographs, number_places
from streetdeciles.dataset.losses import count_losses, find_elsewhere, refuse_losses, spelled_differently
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.ids.lookalikes import find_lookalikes
from streetdeciles.run_log import StageReport
from streetdeciles.session import spark_settings
from streetdeciles.splits.registry import split_of
from streetdeciles.tables import AREA_LABELS, FEATURES, LEFT_OUT, LOCATIONS, REJECTS, TRAINING_SET
from streetdeciles.training_set.columns import TrainingSetShape
from streetdeciles.training_set.reader import training_set_shape
from streetdeciles.training_set.writer import write_training_set

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

SMALL_BATCHES = {
    "spark.sql.parquet.columnarReaderBatchSize": "256",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1024",
}
"""A view is 16 KB of float32, and Spark counts rows: with its defaults of 4,096 and 10,000 a task would take 400 MB."""


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write training_set, left_out/stage=dataset and, if wanted, training_set.h5 and training_set.csv.

    Raises:
        RunRefused: no location has features, or there are too few areas or deciles for the split.
        RunFailed: more photographs are lost, or location_ids spelled differently, than the config allows.
    """
    work_dir, outcomes, views = config.work_dir, config.dataset.outcomes, config.images.views
    split = split_of(config.dataset)
    area_labels = storage.read_table(spark, AREA_LABELS, work_dir)
    _refuse_without_deciles(area_labels, outcomes)
    locations = storage.read_table(spark, LOCATIONS, work_dir)
    features = storage.read_table(spark, FEATURES, work_dir)
    rejects = storage.read_table(spark, REJECTS, work_dir)
    elsewhere = find_elsewhere(_left_out(spark, work_dir))
    photographs = find_photographs(features, locations, elsewhere, views=views)
    places = number_places(locations, photographs, area_labels, outcomes).persist()
    try:
        if not (rows := places.count()):
            raise RunRefused(_nothing_in_common(config.images, locations, features, photographs))
        areas = count_areas(places, outcomes[0]).toPandas()
        folds = split.assign(areas, seed=config.seed)
        held_out = _held_out_notes(places, config.dataset)
        for name in FILE_NAMES:  # an export of older rows must not be left beside the new ones
            storage.remove(storage.join(work_dir, name))
        left_out = find_left_out(locations, photographs, rejects, views=views)
        storage.write_partition(left_out, LEFT_OUT, work_dir, "dataset")
        counts = _counts(spark, work_dir, locations, photographs, rows)
        all_left_out = _left_out(spark, work_dir)
        losses = count_losses(all_left_out, rejects, photographs, config.images, locations=counts["locations"])
        refuse_losses(losses, config.dataset)
        shape = TrainingSetShape(rows, views, _feature_size(features), tuple(outcomes))
        _write_set(build_rows(features, _with_folds(places, folds), shape), shape, work_dir)
        notes = [split.describe(areas, folds), *held_out, *_label_notes(places, outcomes), *losses.notes()]
    finally:
        places.unpersist()
    if config.dataset.hdf5:
        counts[f"rows in {FILE_NAMES[0]}"] = export_hdf5(storage.join(work_dir, TRAINING_SET), work_dir)
    return StageReport("dataset", counts, notes)


def _refuse_without_deciles(area_labels: DataFrame, outcomes: Sequence[str]) -> None:
    """RunRefused where `labels` made no deciles of an outcome, which then was not in dataset.outcomes."""
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
            "other outcomes; make them again: streetdeciles run --force --from labels"
        )


def _write_set(rows: DataFrame, shape: TrainingSetShape, work_dir: str) -> None:
    staged = storage.staging_uri(work_dir, TRAINING_SET)
    try:
        with spark_settings(rows.sparkSession, SMALL_BATCHES):
            write_training_set(rows, staged, shape)
        written = training_set_shape(staged)
        if written != shape:
            raise RunFailed(f"training_set: {written} was written where {shape} was to be; run the stage again")
        storage.replace(staged, storage.join(work_dir, TRAINING_SET))
    finally:
        storage.remove(staged)


def _with_folds(places: DataFrame, folds: pd.DataFrame) -> DataFrame:
    rows = list(folds.itertuples(index=False, name=None))
    fold_of_area = places.sparkSession.createDataFrame(rows, "area_id string, fold int")
    return places.join(fold_of_area, on="area_id", how="inner")


def _feature_size(features: DataFrame) -> int:
    first = features.selectExpr("size(features) AS feature_size").first()
    assert first is not None
    return int(first["feature_size"])


def _left_out(spark: SparkSession, work_dir: str) -> DataFrame:
    """What the stages up to here left out."""
    if storage.exists(storage.join(work_dir, LEFT_OUT.name)):
        return storage.read_table(spark, LEFT_OUT, work_dir)
    return spark.createDataFrame([], LEFT_OUT.ddl)


def _nothing_in_common(images: ImagesConfig, locations: DataFrame, features: DataFrame, photographs: DataFrame) -> str:
    location, feature = (frame.select("location_id").first() for frame in (locations, features))
    if feature is None:
        source = f"images.table {images.table.path}" if images.table else f"images.folder {images.folder}"
        return f"no photograph has features: all were rejected, see the table rejects; check {source}"
    expected = f"e.g. {location['location_id']!r}" if location is not None else "none"
    source_of_ids = f"in images.table's column {images.table.location_id!r}" if images.table else "by images.pattern"
    unknown = photographs.where("reason = 'unknown_location'").select("location_id").distinct()
    alike = find_lookalikes(locations.select("location_id"), unknown)
    why = f"; {spelled_differently(alike)}" if alike else ""
    return (
        "none of the photographs is of a location of labels.locations: there the location_ids are "
        f"{expected}, {source_of_ids} e.g. {feature['location_id']!r}{why}; correct one of them"
    )


def _counts(
    spark: SparkSession, work_dir: str, locations: DataFrame, photographs: DataFrame, rows: int
) -> dict[str, int]:
    """Locations in = rows + left out; photographs in = used + not used. RunFailed where they do not add up."""
    left_out = storage.read_table(spark, LEFT_OUT, work_dir).where("stage = 'dataset'")
    lost = {row["reason"]: row["count"] for row in left_out.groupBy("reason").count().collect()}
    of_reason = {row["reason"]: row["count"] for row in photographs.groupBy("reason").count().collect()}
    used = of_reason.pop(None, 0)
    n_locations = locations.count()
    n_left_out = sum(lost.get(reason, 0) for reason in ("no_photograph", "no_features"))
    if n_locations != rows + n_left_out:
        raise RunFailed(f"dataset: {n_locations} locations in, {rows} rows out, {n_left_out} left out; please report")
    return {
        "locations": n_locations,
        "rows": rows,
        **{f"left out: {reason}": lost[reason] for reason in ("no_photograph", "no_features") if reason in lost},
        "photographs with features": used + sum(of_reason.values()),
        "photographs used": used,
        **{f"photographs not used: {reason}": n for reason, n in sorted(of_reason.items())},
    }


def _held_out_notes(places: DataFrame, settings: DatasetConfig) -> list[str]:
    """With the split by_class, how many locations each outcome holds out; RunRefused where that is none at all."""
    from pyspark.sql import functions as F

    deciles = settings.held_out_deciles
    if deciles is None:
        return []
    counted = places.agg(*[F.count_if(F.col(name).isin(deciles)).alias(name) for name in settings.outcomes]).first()
    assert counted is not None
    held_out: dict[str, int] = counted.asDict()
    if not any(held_out.values()):
        raise RunRefused(
            f"dataset.held_out_deciles: no location with photographs has decile {', '.join(map(str, deciles))} of any "
            "outcome; hold out others"
        )
    return [f"{name}: {n} location(s) are held out" for name, n in held_out.items()]


def _label_notes(places: DataFrame, outcomes: Sequence[str]) -> list[str]:
    from pyspark.sql import functions as F

    unknown = [F.count_if(F.col(outcome).isNull()).alias(outcome) for outcome in outcomes]
    unlabelled = F.count_if(F.coalesce(*outcomes).isNull()).alias("of any outcome")
    counted = places.agg(*unknown, unlabelled).first()
    assert counted is not None
    return [
        f"{n} location(s) are in areas without a decile {'' if name.startswith('of any') else 'of '}{name}; "
        "they can be predicted, not learned from"
        for name, n in counted.asDict().items()
        if n
    ]
