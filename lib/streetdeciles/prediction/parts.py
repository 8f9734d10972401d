"""Predictions in parts, each of some files of the training set: a run that was killed goes on with the missing ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.progress import progress
from streetdeciles.tables import PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MOST_PARTS = 20
"""A part is a Spark job: with more of them fewer tasks would run side by side, with fewer a kill would cost more."""

Part = Sequence[str]
"""Names of files of the training set."""

logger = logging.getLogger(__name__)


def plan_parts(files: Sequence[str]) -> list[Part]:
    """`files` in at most MOST_PARTS runs of neighbours. It depends on nothing else, so a rerun has the same parts."""
    size = max(1, -(-len(files) // MOST_PARTS))
    return [files[first : first + size] for first in range(0, len(files), size)]


def predict_parts(
    spark: SparkSession, parts: Sequence[Part], predicted: Callable[[Part], DataFrame], *, folder: str, key: str
) -> DataFrame:
    """The predictions of all parts, from the files that each is written to below the URI `folder`.

    A part is finished when its mark stands beside it; it is not predicted again while `key` is the same.

    Args:
        predicted: of a part, in the columns of the table predictions.
        folder: the caller removes it, when the predictions are where they belong.
    """
    _keep_parts_of(folder, key)
    uris = [storage.join(folder, f"{number:02d}") for number in range(len(parts))]
    missing = [number for number, uri in enumerate(uris) if not storage.exists(f"{uri}.json")]
    if len(missing) < len(parts):
        logger.info(
            "prediction: %d of %d parts are there, the others are predicted", len(parts) - len(missing), len(parts)
        )
    with progress("prediction", len(missing), unit="parts") as advance:
        for number in missing:
            predicted(parts[number]).write.mode("overwrite").parquet(storage.spark_uri(uris[number]))
            storage.write_json(f"{uris[number]}.json", list(parts[number]))
            advance(1)
    return storage.read_parquet(spark, *uris, schema=PREDICTIONS.ddl)


def _keep_parts_of(folder: str, key: str) -> None:
    uri = storage.join(folder, "key.json")
    if storage.exists(uri):
        if storage.read_json(uri) == key:
            return
        logger.info("prediction: %s is of other models or another training set; it is removed", folder)
    storage.remove(folder)
    storage.write_json(uri, key)
