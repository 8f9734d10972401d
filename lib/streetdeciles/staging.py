"""Rows that several queries need: computed once, and kept in the work_dir until the last of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streetdeciles import storage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@contextmanager
def staged(frame: DataFrame, work_dir: str, name: str) -> Iterator[DataFrame]:
    """The rows of `frame`, computed once, from Parquet files that are removed when the context ends.

    Not `persist`: serverless clusters refuse it, and what an executor holds is computed again if it is lost.
    """
    uri = storage.staging_uri(work_dir, name)
    try:
        frame.write.parquet(storage.spark_uri(uri))
        yield storage.read_parquet(frame.sparkSession, uri, schema=frame.schema)
    finally:
        storage.remove(uri)
