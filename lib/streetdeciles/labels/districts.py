"""The district of each area by a postcode directory, for tables that hold codes of areas alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streetdeciles.labels.locations import LocationSource
from streetdeciles.labels.postcodes import PostcodeSource
from streetdeciles.queries import query

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession


def come_from_directory(areas: pd.DataFrame, source: LocationSource) -> bool:
    """Whether nothing but the directory of `source` says in which districts the areas are."""
    known = areas["district_code"].notna() | areas["district_name"].notna()
    return isinstance(source, PostcodeSource) and source.columns.district is not None and not known.any()


def with_districts(spark: SparkSession, areas: pd.DataFrame, source: LocationSource, year: int) -> pd.DataFrame:
    """The areas with the codes of their districts; as they are where `come_from_directory` does not hold.

    An area with postcodes of several districts is in the one that has the most.
    """
    if not come_from_directory(areas, source):
        return areas
    assert isinstance(source, PostcodeSource)
    rows = replace(source, photographs=None).rows(spark, year)
    counted = query("streetdeciles.labels", "area_districts", rows=rows).toPandas()
    codes = counted.set_index("area_id")["district_code"].reindex(areas.index).astype(object)
    return areas.assign(district_code=codes.where(codes.notna(), None))
