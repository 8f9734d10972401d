"""Where the rows get their features: from the photographs of this run, or from files that the user already has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import ImagesConfig, RunConfig
from streetdeciles.dataset.losses import NO_PHOTOGRAPHS, photograph_arguments
from streetdeciles.dataset.words import Words, words_of_import, words_of_photographs
from streetdeciles.imports.on_spark import imported
from streetdeciles.tables import FEATURES, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class FeatureSource:
    """Features by view, and the words for them in reports and errors."""

    features: DataFrame
    """image_id, location_id, view, features."""
    keys: DataFrame
    """image_id, location_id and view of the features."""
    rejects: DataFrame
    """image_id, location_id and reason of each view without features."""
    left_out: DataFrame | None
    """id, reason and detail of the rejects, where no table of their own lists them."""
    views: int
    feature_size: int | None
    """None where there are no features."""
    losses: Mapping[str, Any]
    """Arguments of the query `losses`."""
    words: Words
    notes: Sequence[str] = ()


@contextmanager
def open_feature_source(spark: SparkSession, config: RunConfig) -> Iterator[FeatureSource]:
    """The source that the config names; its frames serve until the context ends."""
    section = config.dataset.feature_import
    if section is None:
        yield _photographs(spark, config.images, config.work_dir)
        return
    with imported(spark, section, config.work_dir) as views:
        yield FeatureSource(
            views.features,
            keys=views.keys.where("reason IS NULL"),
            rejects=views.rejects,
            left_out=views.keys.where("reason IS NOT NULL").selectExpr("image_id AS id", "reason", "detail"),
            views=views.views,
            feature_size=views.feature_size,
            losses=NO_PHOTOGRAPHS,
            words=words_of_import(section),
            notes=views.notes,
        )


def _photographs(spark: SparkSession, images: ImagesConfig, work_dir: str) -> FeatureSource:
    features = storage.read_table(spark, FEATURES, work_dir)
    first = features.selectExpr("size(features) AS feature_size").first()
    return FeatureSource(
        features,
        keys=features,
        rejects=storage.read_table(spark, REJECTS, work_dir),
        left_out=None,
        views=images.views,
        feature_size=first["feature_size"] if first is not None else None,
        losses=photograph_arguments(images),
        words=words_of_photographs(images),
    )
