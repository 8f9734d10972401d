"""Shards have whole locations and about equal sizes, and are numbered without gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from streetdeciles.config import ImagesConfig
from streetdeciles.images.stage import assign_shards
from streetdeciles.tables import IMAGE_INDEX

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def sharded(spark: SparkSession, images_of: Iterable[int], *, shard_size: int) -> pd.DataFrame:
    """A new index of locations with the given numbers of images."""
    rows = [
        (f"place{i}_{view}", f"place{i}", view, "uri", None, None, 1, None)
        for i, images in enumerate(images_of)
        for view in range(images)
    ]
    columns = "image_id string, location_id string, view int, uri string, member string, offset bigint, length bigint"
    named = spark.createDataFrame(rows, f"{columns}, modified string")
    previous = spark.createDataFrame([], IMAGE_INDEX.ddl)
    return assign_shards(named, previous, ImagesConfig(folder="x", shard_size=shard_size)).toPandas()


def test_shards_keep_locations_whole_and_are_about_equal(spark: SparkSession) -> None:
    index = sharded(spark, [4 if i % 5 else 1 for i in range(50)], shard_size=16)
    assert len(index) == 170
    assert (index.groupby("location_id")["shard"].nunique() == 1).all()
    sizes = index["shard"].value_counts().sort_index()
    assert sizes.index.tolist() == list(range(11))  # ceil(170 / 16)
    assert sizes.between(170 / 11 - 4, 170 / 11 + 4).all()


@pytest.mark.parametrize("shard_size", [1, 1000])
def test_shards_are_numbered_without_gaps_whatever_their_size(spark: SparkSession, shard_size: int) -> None:
    index = sharded(spark, [1] + [4] * 9, shard_size=shard_size)
    # 37 images in shards of at least a location's 4
    assert sorted(index["shard"].unique()) == list(range(1 if shard_size == 1000 else 9))
