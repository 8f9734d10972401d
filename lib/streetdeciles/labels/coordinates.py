"""Coordinates of any reference system as WGS84 degrees, batch by batch on the executors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import pyarrow as pa


def is_geographic(crs: str) -> bool:
    """Whether the coordinates of `crs` (labels.locations.crs) are degrees; RunRefused where it is unknown."""
    import pyproj

    try:
        return bool(pyproj.CRS(crs).is_geographic)
    except pyproj.exceptions.CRSError as error:
        raise RunRefused(
            f"labels.locations.crs: {crs!r} is not a known coordinate reference system; expected one such as EPSG:27700"
        ) from error


@lru_cache(maxsize=1)
def _transformer(crs: str) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def to_degrees(batches: Iterator[pa.RecordBatch], crs: str) -> Iterator[pa.RecordBatch]:
    """Batches whose `longitude` and `latitude` (double, easting and northing in `crs`) are degrees.

    A point outside of the CRS gets no coordinates, and `problem` says so.
    """
    import numpy as np
    import pyarrow as pa

    for batch in batches:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        x, y = (columns[name].to_numpy(zero_copy_only=False).astype(float) for name in ("longitude", "latitude"))
        longitude, latitude = _transformer(crs).transform(x, y)
        is_point = ~np.isnan(x)
        is_lost = is_point & ~(np.isfinite(longitude) & np.isfinite(latitude))
        unknown = ~is_point | is_lost
        problems = columns["problem"].to_pylist()
        for i in np.flatnonzero(is_lost):
            problems[i] = f"easting {x[i]:g} and northing {y[i]:g} are outside of {crs}"
        columns["longitude"] = pa.array(longitude, pa.float64(), mask=unknown)
        columns["latitude"] = pa.array(latitude, pa.float64(), mask=unknown)
        columns["problem"] = pa.array(problems, pa.string())
        yield pa.RecordBatch.from_arrays([*columns.values()], schema=batch.schema)
