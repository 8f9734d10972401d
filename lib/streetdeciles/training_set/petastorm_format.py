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
from streetdeciles.spark_connect import is_connect
from streetdeciles.tables import training_set_columns
from streetdeciles.training_set.columns import NUMBERS, TEXTS, TrainingSetShape

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW_GROUP_MB = 32

logger = logging.getLogger(__name__)


@functools.cache
def has_petastorm() -> bool:
    """Whether Petastorm can be imported; if not, the log says why."""
    try:
        with without_petastorms_warnings():
            import petastorm  # noqa: F401
    except ImportError as error:
        logger.info("Petastorm cannot be imported (%s); the training set gets no metadata for it", error)
        return False
    return True


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
    url = petastorm_url(uri)
    spark = frame.sparkSession
    if url is None or is_connect(spark) or not has_petastorm():
        logger.info("%s: written without Petastorm's metadata; every stage can still read it", uri)
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
