"""A GeoJSON geometry as the polygons that it holds, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MIN_RING_POINTS = 4
"""The fewest points of a ring with an area; its first point is repeated at its end."""


@dataclass(frozen=True)
class Shape:
    """The polygons of one feature as one shapely geometry in two dimensions, or None where it has no polygon."""

    geometry: Any
    kind: str
    """GeoJSON's name for what the feature holds; `null` or `empty` where it holds nothing."""
    repaired: bool = False
    """Its rings crossed themselves or each other, or a hole lay outside."""
    bounds: tuple[float, float, float, float] | None = None
    """West, south, east and north of all points of its polygons, also of those that have no area."""


def read_shape(geometry: dict[str, Any] | None) -> Shape:
    """The polygons of a GeoJSON geometry; those of a collection are put together.

    Rings that cross are repaired: what outer rings go around belongs to the area, and what holes cover there does not.
    A hole that lies wholly outside is an island: converters that lose the order of rings write such holes. Rings
    without an area are dropped.

    Raises:
        ValueError: coordinates are not numbers.
    """
    import numpy as np
    import shapely

    if geometry is None:
        return Shape(None, "null")
    parts = [_parts(coordinates) for coordinates in _polygon_coordinates(geometry)]
    rings = [ring for part in parts for polygon in part for ring in polygon]
    if not rings:
        kind = str(geometry.get("type"))
        return Shape(None, "empty" if kind in ("Polygon", "MultiPolygon", "None") else kind)
    points = np.concatenate(rings)
    bounds = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    drawn = [_draw(part) for part in parts]
    repaired = any(was_invalid for _, was_invalid in drawn)
    polygons = [polygon for found, _ in drawn for polygon in _polygons_in(found)]
    if not polygons:
        return Shape(None, "empty", bounds=bounds)
    if len(parts) > 1:
        polygons = _polygons_in(shapely.union_all(polygons))
    whole = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    return Shape(whole, str(geometry["type"]), repaired, bounds)


def _polygon_coordinates(geometry: dict[str, Any]) -> Iterator[Any]:
    """The coordinates, as of a MultiPolygon, of each polygon or MultiPolygon, at any depth of collections."""
    waiting = [geometry]
    while waiting:
        one = waiting.pop()
        coordinates = one.get("coordinates") or []
        if one.get("type") == "Polygon":
            yield [coordinates]
        elif one.get("type") == "MultiPolygon":
            yield coordinates
        elif one.get("type") == "GeometryCollection":
            waiting.extend(part for part in reversed(one.get("geometries") or []) if part is not None)


def _parts(coordinates: Any) -> list[list[npt.NDArray[np.float64]]]:
    """The closed rings of each polygon that has an outer one, as float64 [points, 2]."""
    polygons = [[_ring(points) for points in polygon or []] for polygon in coordinates]
    return [
        [rings[0], *(hole for hole in rings[1:] if len(hole) >= MIN_RING_POINTS)]
        for rings in polygons
        if rings and len(rings[0]) >= MIN_RING_POINTS
    ]


def _ring(points: Any) -> npt.NDArray[np.float64]:
    import numpy as np

    if not points:
        return np.empty((0, 2))
    # Heights may be there at some points and not at others.
    ring = np.array([point[:2] for point in points], dtype=np.float64)
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all():
        raise ValueError("expected pairs of finite numbers")
    return ring if (ring[0] == ring[-1]).all() else np.concatenate([ring, ring[:1]])


def _draw(part: list[list[npt.NDArray[np.float64]]]) -> tuple[Any, bool]:
    """The polygons of one Polygon or MultiPolygon, and whether they had to be repaired."""
    import shapely

    if not part:
        return None, False
    polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in part]
    drawn = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    if shapely.is_valid(drawn):
        return drawn, False
    return shapely.make_valid(drawn, method="structure", keep_collapsed=False), True


def _polygons_in(geometry: Any) -> list[Any]:
    import shapely

    parts = shapely.get_parts(geometry)
    inner = [part for one in parts for part in shapely.get_parts(one)]  # a MultiPolygon within a collection
    return [part for part in inner if shapely.get_type_id(part) == shapely.GeometryType.POLYGON and part.area > 0]
