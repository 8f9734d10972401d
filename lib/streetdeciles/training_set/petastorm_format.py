"""Petastorm's metadata of the training set. The only module that imports Petastorm."""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np

from streetdeciles import storage
from streetdeciles.errors import reason
from streetdeciles.spark_connect import is_connect
from streetdeciles.tables import training_set_columns
from streetdeciles.training_set.columns import NUMBERS, TEXTS, TrainingSetShape

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW_GROUP_MB = 32

logger = logging.getLogger(__name__)


@functools.cache
def import_problem() -> str:
    """Why Petastorm cannot be imported; empty if it can."""
    try:
        with without_petastorms_warnings():
            import petastorm  # noqa: F401
    except (ImportError, AttributeError) as error:  # it asks newer pyarrows for what they no longer have
        return f"it cannot be imported: {reason(error)}"
    return ""


def petastorm_url(uri: str) -> str | None:
    """`uri` as Petastorm expects it: with a scheme, not quoted; None if Petastorm would misread the path."""
    url = storage.spark_uri(uri)
    if "://" not in url:  # Databricks' dbfs:/
        return None
    _, path = url.split("://", 1)
    try:
        parsed = urlparse(url)
    except ValueError:  # brackets where a host is expected
        return None
    return url if f"{parsed.netloc}{parsed.path}" == path else None


@contextlib.contextmanager
def petastorm_metadata(frame: DataFrame, uri: str, shape: TrainingSetShape) -> Iterator[None]:
    """Add Petastorm's metadata to the set that the block writes to `uri`."""
    url, spark = petastorm_url(uri), frame.sparkSession
    problem = "it uses Spark's JVM" if is_connect(spark) else import_problem()
    if url is None or problem:
        why = problem or f"it would misread {uri}"
        logger.info("training_set: without Petastorm's metadata (%s); all stages and open_training_set read it", why)
        yield
        return
    with without_petastorms_warnings():
        from petastorm.etl.dataset_metadata import materialize_dataset

        factory = _local_files if storage.is_local(uri) else None
        with materialize_dataset(spark, url, _unischema(shape), ROW_GROUP_MB, filesystem_factory=factory):
            yield


def _local_files() -> Any:
    """Petastorm's own file system, built here so that Spark workers do not print its deprecation warning."""
    with without_petastorms_warnings():
        import pyarrow

        return pyarrow.localfs


def _unischema(shape: TrainingSetShape) -> Any:
    from petastorm.codecs import NdarrayCodec
    from petastorm.unischema import Unischema, UnischemaField

    arrays = {
        "features": UnischemaField("features", np.float32, (shape.views, shape.feature_size), NdarrayCodec(), False),
        "view_mask": UnischemaField("view_mask", np.bool_, (shape.views,), NdarrayCodec(), False),
    }
    scalars = {**dict.fromkeys(TEXTS, np.str_), **NUMBERS, **dict.fromkeys(shape.outcomes, np.int8)}
    never_null = {"location_id", "region", "area_id", "unit", "buffer_of", *NUMBERS}
    fields = [
        arrays.get(name) or UnischemaField(name, scalars[name], (), None, name not in never_null)
        for name in training_set_columns(shape.outcomes)
    ]
    return Unischema("training_set", fields)


@contextlib.contextmanager
def without_petastorms_warnings() -> Iterator[None]:
    """Silence Petastorm, which uses deprecated parts of pyarrow and leaves files to be closed by the collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        yield
