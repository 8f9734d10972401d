"""Shapes of areas on the ground: their centres, and a plane in which distances are metres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def to_metres(shapes: Sequence[Any]) -> npt.NDArray[np.object_]:
    """Shapely geometries in WGS84 degrees in a plane of metres around their common middle; object [n].

    The plane is an azimuthal equidistant projection of the ellipsoid. Distances in it are right to 0.1 % within 450 km
    of the middle, and to 1 % within 1,500 km.
    """
    import numpy as np
    import pyproj
    import shapely

    geometries = np.array([None, *shapes], dtype=object)[1:]
    centroids = np.radians(shapely.get_coordinates(shapely.centroid(geometries)))
    longitude, latitude = centroids[:, 0], centroids[:, 1]
    # The mean of directions, not of degrees, which begin again at 180.
    x, y, z = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    x, y, z = x.mean(), y.mean(), z.mean()
    # To two digits, so that the last bits of a machine's sums move nothing.
    middle_latitude, middle_longitude = (
        round(float(np.degrees(angle)), 2) for angle in (np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x))
    )
    plane = pyproj.Proj(proj="aeqd", lat_0=middle_latitude, lon_0=middle_longitude, datum="WGS84", units="m")
    moved: npt.NDArray[np.object_] = shapely.transform(geometries, plane, interleaved=False)
    return moved


def centre_coordinates(shapes: Sequence[Any] | npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """The centroids of shapes from `to_metres`, to the metre: int64 [n, 2], the same on every machine."""
    import numpy as np
    import shapely

    coordinates: npt.NDArray[np.int64] = np.rint(shapely.get_coordinates(shapely.centroid(shapes))).astype(np.int64)
    return coordinates


def merged_polygons(
    polygons: npt.NDArray[np.object_], owners: npt.NDArray[np.int64], n: int
) -> npt.NDArray[np.object_]:
    """One MultiPolygon for each of `n` owners, of all polygons with its number in `owners`; None if it has none."""
    import numpy as np
    import shapely

    parts, part_of = shapely.get_parts(polygons, return_index=True)
    part_owners = owners[part_of]
    order = np.argsort(part_owners, kind="stable")
    merged = np.full(n, None, dtype=object)
    shapely.multipolygons(parts[order], indices=part_owners[order], out=merged)
    return merged
