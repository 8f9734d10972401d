"""Imported features as Spark frames: the files are read once for their keys and once for their numbers, by slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from streetdeciles import storage
from streetdeciles.config import FeatureImport
from streetdeciles.errors import RunRefused
from streetdeciles.imports.pieces import FEATURES, KEYS, Pieces, feature_batches, key_batches
from streetdeciles.imports.reading import read_files, read_table_rows
from streetdeciles.imports.sources import Files, Rows, open_source
from streetdeciles.listing import ENTRIES, list_all, max_tasks, member_batches
from streetdeciles.queries import query, spark_frame
from streetdeciles.staging import staged
from streetdeciles.wording import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TASK_BYTES = 128 * 1024 * 1024
"""How much of the features a task reads."""


@dataclass(frozen=True)
class Imported:
    """`keys`: image_id, location_id, view, reason and detail; `features`: of the keys without a reason, all alike."""

    keys: DataFrame
    features: DataFrame
    rejects: DataFrame
    """image_id, location_id and reason of what is lost, one row per view."""
    views: int
    feature_size: int
    notes: list[str]


@contextmanager
def imported(spark: SparkSession, section: FeatureImport, work_dir: str) -> Iterator[Imported]:
    """The features that the config names; the frames serve until the context ends.

    Raises:
        RunRefused: where `open_source` refuses, or no features are usable.
        RunFailed: a file cannot be read.
    """
    listed = storage.staging_uri(work_dir, "imported")
    try:
        frame, pieces = _tasks(spark, open_source(section), listed)
        all_keys = frame.mapInArrow(partial(key_batches, pieces=pieces), KEYS)
        with staged(all_keys, work_dir, "imported_keys") as staged_keys:
            views, feature_size = _usual_shape(staged_keys, section.features)
            shape = {"views": views, "feature_size": feature_size}
            keys = query("streetdeciles.imports", "keys", shape, keys=staged_keys)
            read = partial(feature_batches, pieces=pieces, views=views, feature_size=feature_size)
            yield Imported(
                keys,
                frame.mapInArrow(read, FEATURES),
                query("streetdeciles.imports", "rejects", {"views": views}, keys=keys),
                views,
                feature_size,
                _notes(keys),
            )
    finally:
        storage.remove(listed)


def _tasks(spark: SparkSession, source: Rows | Files, listed: str) -> tuple[DataFrame, Pieces]:
    """What the tasks read, with a partition for each, and the function that reads it."""
    if isinstance(source, Files):
        entries = _entries(spark, source, listed)
        n_tasks = max_tasks(spark)
        # An archive is read by one task, in its order.
        in_order = entries.repartition(n_tasks, "uri").sortWithinPartitions("uri", "offset", "relative")
        path = storage.filesystem(source.uri)[1]
        return in_order, partial(read_files, folder=path if source.is_folder else path.rpartition("/")[0])
    features = source.features
    n_bytes = 4 * features.rows * features.views * features.feature_size
    n_tasks = max(max_tasks(spark), -(-n_bytes // TASK_BYTES))
    rows = spark_frame(
        spark, pd.DataFrame({"row": np.arange(features.rows), "location_id": source.location_ids.to_pandas()})
    )
    in_order = rows.repartitionByRange(n_tasks, "row").sortWithinPartitions("row")
    return in_order, partial(read_table_rows, features=features)


def _entries(spark: SparkSession, source: Files, listed: str) -> DataFrame:
    if source.is_folder:
        return list_all(spark, source.uri, listed).where("kind NOT IN ('folder', 'archive')")
    archive = spark.createDataFrame([(source.uri, source.uri)], "path string, uri string")
    archive.mapInArrow(member_batches, ENTRIES).write.parquet(storage.spark_uri(listed))
    return storage.read_parquet(spark, listed, schema=ENTRIES)


def _usual_shape(keys: DataFrame, uri: str) -> tuple[int, int]:
    """Views and numbers of most files; RunRefused if none is usable."""
    shapes = keys.where("reason IS NULL").groupBy("views", "feature_size").count()
    usual = shapes.orderBy("count", "views", "feature_size", ascending=False).first()
    if usual is not None:
        return int(usual["views"]), int(usual["feature_size"])
    examples = keys.groupBy("reason").agg({"image_id": "min", "detail": "min"}).orderBy("reason").collect()
    why = "; ".join(f"{row['reason']}: {row['min(image_id)']}, {row['min(detail)']}" for row in examples[:5])
    raise RunRefused(f"dataset.import.features: nothing in {uri} can be used ({why or 'it is empty'})")


def _notes(keys: DataFrame) -> list[str]:
    row = query("streetdeciles.imports", "repeated", keys=keys).first()
    assert row is not None
    notes = []
    if row["repeated"]:
        notes.append(
            f"{counted(row['repeated'], 'location has', 'locations have')} the same imported features as another one, "
            "as the reference's code leaves them after a photograph that it cannot read (docs/reference.md, 2)"
        )
    if row["zeros"]:
        notes.append(f"{counted(row['zeros'], 'imported view has', 'imported views have')} no number but 0")
    return notes
