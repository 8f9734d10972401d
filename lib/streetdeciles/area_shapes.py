"""Where areas are: their polygons if the config has boundaries, else the mean of their locations' coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.config import Boundaries, LabelsConfig
from streetdeciles.geography.boundaries import read_boundaries
from streetdeciles.geography.centres import merged_polygons

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from pyspark.sql import DataFrame

UNITS_PER_DEGREE = 10**7
"""Coordinates are added as whole numbers of a centimetre's size, so that the order of rows does not matter."""


def read_shapes(locations: DataFrame, labels: LabelsConfig, level: str = "area_id") -> pd.DataFrame:
    """The shape of each unit of a level that has locations, as the columns `unit` and `shape`, sorted by `unit`.

    A shape is a shapely geometry in WGS84 degrees: the polygons of the unit's areas; or, without boundaries, without a
    polygon of any of its areas, and for output areas, the point at the mean of its locations' coordinates; or None.

    Args:
        locations: the table, or rows with its columns.
        labels: the section of the config, which may be absent.
        level: the column of `locations` that names the unit.

    Raises:
        RunRefused: the boundaries cannot be read.
    """
    import numpy as np
    import shapely

    units = _mean_coordinates(locations, level)
    shapes = np.full(len(units), None, dtype=object)
    has_point = units["longitude"].notna().to_numpy()
    shapes[has_point] = shapely.points(units.loc[has_point, ["longitude", "latitude"]].to_numpy())
    if not labels.is_absent and labels.boundaries is not None and level != "oa":
        polygons = _polygons(locations, labels.boundaries, level, units["unit"])
        has_polygon = ~shapely.is_missing(polygons)
        shapes[has_polygon] = polygons[has_polygon]
    return units[["unit"]].assign(shape=shapes)


def _mean_coordinates(locations: DataFrame, level: str) -> pd.DataFrame:
    """`unit`, `latitude` and `longitude` (NaN without coordinates), sorted by `unit`; the same for any partitioning."""
    from pyspark.sql import functions as F

    sums = [F.sum(F.round(F.col(name) * UNITS_PER_DEGREE).cast("bigint")) for name in ("latitude", "longitude")]
    means = [total / F.count("latitude") / UNITS_PER_DEGREE for total in sums]
    names = ("latitude", "longitude")
    columns = [mean.alias(name) for mean, name in zip(means, names, strict=True)]
    known = locations.where(f"{level} IS NOT NULL").groupBy(F.col(level).alias("unit"))
    return known.agg(*columns).toPandas().sort_values("unit", ignore_index=True)


def _polygons(
    locations: DataFrame, boundaries: Boundaries, level: str, units: pd.Series[str]
) -> npt.NDArray[np.object_]:
    """The polygons of each of the sorted `units`; object [n]."""
    import pandas as pd

    areas = read_boundaries(boundaries.path, boundaries.area_id, boundaries.name).polygons
    owners = locations.selectExpr("area_id", f"{level} AS unit").dropna().distinct().toPandas()
    owners["owner"] = units.searchsorted(owners["unit"])
    drawn = pd.DataFrame({"area_id": areas.area_ids, "polygon": range(len(areas.area_ids))})
    pairs = drawn.merge(owners, on="area_id")
    return merged_polygons(areas.polygons[pairs["polygon"]], pairs["owner"].to_numpy(), len(units))
