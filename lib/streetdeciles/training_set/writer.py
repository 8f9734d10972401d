"""Writing the training set with Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.tables import training_set_columns
from streetdeciles.training_set.columns import TrainingSetShape
from streetdeciles.training_set.petastorm_format import ROW_GROUP_MB, petastorm_metadata

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def write_training_set(frame: DataFrame, uri: str, shape: TrainingSetShape) -> None:
    """Write rows of `training_set_ddl` to `uri`, in the frame's partitions and order, with Petastorm's metadata.

    The metadata holds no absolute path: the folder may be moved.
    """
    stored = frame.select(*training_set_columns(shape.outcomes))
    with petastorm_metadata(frame, uri, shape):
        block = ROW_GROUP_MB * 2**20
        stored.write.mode("append").option("parquet.block.size", block).parquet(storage.spark_uri(uri))
        storage.show_table(uri)  # Petastorm reads it
