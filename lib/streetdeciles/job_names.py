"""Names of jobs in Spark's UI: the group is the stage, and the description its part, e.g. a wave of shards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streetdeciles.spark_connect import is_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GROUP, DESCRIPTION = "spark.jobGroup.id", "spark.job.description"


@contextmanager
def jobs_named(spark: SparkSession, description: str, *, stage: str | None = None) -> Iterator[None]:
    """Give the jobs that this thread starts in here the description and, with `stage`, the group of a stage.

    Spark Connect has neither; there the jobs get a tag. What a notebook has set is put back.
    """
    if is_connect(spark):
        with _tagged(spark, re.sub(r"[^\w.-]+", "-", f"streetdeciles-{stage or description}")):
            yield
        return
    context = spark.sparkContext
    values = {DESCRIPTION: description, **({GROUP: f"streetdeciles {stage}"} if stage else {})}
    before = {key: context.getLocalProperty(key) for key in values}
    for key, value in values.items():
        context.setLocalProperty(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            context.setLocalProperty(key, old)  # type: ignore[arg-type]  # None removes it


@contextmanager
def _tagged(spark: SparkSession, tag: str) -> Iterator[None]:
    if not hasattr(spark, "addTag"):  # before Spark 3.5
        yield
        return
    spark.addTag(tag)
    try:
        yield
    finally:
        spark.removeTag(tag)
