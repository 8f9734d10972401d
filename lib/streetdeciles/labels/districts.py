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


def come_from_directory(areas: pd.DataFrame, places: LocationSource) -> bool:
    """Whether nothing but the directory of `places` says in which districts the areas are."""
    known = areas["district_code"].notna() | areas["district_name"].notna()
    return isinstance(places, PostcodeSource) and places.columns.district is not None and not known.any()


def with_districts(spark: SparkSession, areas: pd.DataFrame, places: LocationSource, year: int) -> pd.DataFrame:
    """The areas with the codes of their districts; as they are where `come_from_directory` does not hold.

    An area with postcodes of several districts is in the one that has the most.
    """
    if not come_from_directory(areas, places):
        return areas
    assert isinstance(places, PostcodeSource)
    rows = replace(places, photographs=None).rows(spark, year)
    found = query("streetdeciles.labels", "area_districts", rows=rows).toPandas()
    codes = found.set_index("area_id")["district_code"].reindex(areas.index).astype(object)
    return areas.assign(district_code=codes.where(codes.notna(), None))
