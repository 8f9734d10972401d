"""Predictions in parts, one per few files of the training set: a killed run continues with the missing parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.job_names import jobs_named
from streetdeciles.progress import progress
from streetdeciles.stages import PREDICTION_STAGE
from streetdeciles.state_files import read_state
from streetdeciles.tables import PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MAX_PARTS = 20
"""A part is a Spark job. With fewer parts a kill loses more work."""

Part = Sequence[str]
"""Names of files of the training set."""

logger = logging.getLogger(__name__)


def plan_parts(files: Sequence[str], slots: int) -> list[Part]:
    """`files` in at most MAX_PARTS runs of neighbours, each with work for the `slots` tasks that run side by side.

    A rerun on as many slots has the same parts.
    """
    size = max(slots, -(-len(files) // MAX_PARTS))
    return [files[first : first + size] for first in range(0, len(files), size)]


def predict_parts(
    spark: SparkSession, parts: Sequence[Part], predict_part: Callable[[Part], DataFrame], *, folder: str, key: str
) -> DataFrame:
    """The predictions of all parts, which are written below the URI `folder` one by one.

    A part with a mark file beside it is finished; it is not predicted again while `key` is the same.

    Args:
        predict_part: returns a part's predictions, with the columns of the table predictions.
        folder: the caller deletes it after writing the table.
    """
    _remove_parts_of_other_runs(folder, key)
    uris = [storage.join(folder, f"{number:02d}") for number in range(len(parts))]
    missing = [number for number, uri in enumerate(uris) if read_state(f"{uri}.json", list[str]) != [*parts[number]]]
    if len(missing) < len(parts):
        logger.info("prediction: %d of %d parts are already finished", len(parts) - len(missing), len(parts))
    with progress(PREDICTION_STAGE, len(missing), unit="parts") as advance:
        for number in missing:
            storage.remove(f"{uris[number]}.json")  # of a part with other files, if the cluster has grown
            with jobs_named(spark, f"prediction: part {number + 1} of {len(parts)}"):
                predict_part(parts[number]).write.mode("overwrite").parquet(storage.spark_uri(uris[number]))
            storage.sync(uris[number])
            storage.write_json(f"{uris[number]}.json", list(parts[number]))
            advance(1)
    return storage.read_parquet(spark, *uris, schema=PREDICTIONS.ddl)


def _remove_parts_of_other_runs(folder: str, key: str) -> None:
    uri = storage.join(folder, "key.json")
    saved = read_state(uri, str)
    if saved == key:
        return
    if saved is not None:
        logger.info("prediction: deleted %s, which has other models or another training set", folder)
    storage.remove(folder)
    storage.write_json(uri, key)
