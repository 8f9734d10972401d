"""The polygons of a feature, whatever geometry it has, repaired where their rings cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """The polygons of one feature as one shapely geometry in two dimensions, or None where it has no polygon."""

    geometry: Any
    kind: str
    """The name of what the feature holds, e.g. `Point`; `null` or `empty` where it holds nothing."""
    repaired: bool = False
    """Its rings crossed themselves or each other, or a hole lay outside."""
    bounds: tuple[float, float, float, float] | None = None
    """West, south, east and north of all points of its polygons, also of those that have no area."""


def shape_of(geometry: Any) -> Shape:
    """The polygons of a shapely geometry, without heights; those of a collection are put together."""
    import shapely

    if geometry is None:
        return Shape(None, "null")
    return shape_of_parts(_polygonal_parts(shapely.force_2d(geometry)), geometry.geom_type)


def shape_of_parts(parts: Sequence[Any], kind: str) -> Shape:
    """One shape of polygons and multipolygons in two dimensions.

    Rings that cross are repaired: what outer rings go around belongs to the area, and what holes cover there does not.
    A hole that lies wholly outside is an island: converters that lose the order of rings write such holes. Rings
    without an area are dropped.
    """
    import shapely

    if not parts:
        return Shape(None, "empty" if kind in ("Polygon", "MultiPolygon", "None") else kind)
    points = shapely.get_coordinates(list(parts))
    bounds = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    drawn = [_repaired(part) for part in parts]
    polygons = [polygon for geometry, _ in drawn for polygon in _polygons_in(geometry)]
    if not polygons:
        return Shape(None, "empty", bounds=bounds)
    if len(parts) > 1:
        polygons = _polygons_in(shapely.union_all(polygons))
    whole = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    return Shape(whole, kind, any(was_invalid for _, was_invalid in drawn), bounds)


def _polygonal_parts(geometry: Any) -> list[Any]:
    """The polygons and multipolygons at any depth of collections that are not empty."""
    import shapely

    waiting, parts = [geometry], []
    while waiting:
        one = waiting.pop()
        if one.geom_type == "GeometryCollection":
            waiting.extend(reversed(shapely.get_parts(one)))
        elif one.geom_type in ("Polygon", "MultiPolygon") and not one.is_empty:
            parts.append(one)
    return parts


def _repaired(geometry: Any) -> tuple[Any, bool]:
    """The geometry, and whether it had to be repaired."""
    import shapely

    if shapely.is_valid(geometry):
        return geometry, False
    return shapely.make_valid(geometry, method="structure", keep_collapsed=False), True


def _polygons_in(geometry: Any) -> list[Any]:
    import shapely

    parts = shapely.get_parts(geometry)
    inner = [
        inner_part for part in parts for inner_part in shapely.get_parts(part)
    ]  # of a MultiPolygon in a collection
    return [part for part in inner if shapely.get_type_id(part) == shapely.GeometryType.POLYGON and part.area > 0]
