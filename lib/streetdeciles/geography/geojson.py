"""GeoJSON as people write it: what GDAL refuses or loses (empty rings, heights at some points only) is read here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streetdeciles.errors import RunRefused
from streetdeciles.geography.features import Features, choose_properties, text_of, to_wgs84
from streetdeciles.geography.shapes import Shape, shape_of, shape_of_parts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MIN_RING_POINTS = 4
"""The smallest number of points of a ring with an area; its first point is repeated at its end."""


def read_geojson(file: Path, uri: str, area_id: str | None, name: str | None) -> Features:
    """The features of the GeoJSON in `file`, which messages call `uri`.

    Raises:
        RunRefused: it is not a FeatureCollection of areas, or lacks a property.
    """
    collection, properties, geometries = _features(file.read_bytes(), uri)
    known = dict.fromkeys(column for feature in properties for column in feature)
    code_property, name_property = choose_properties(uri, known, area_id, name)
    shapes = [_shape(uri, number, geometry) for number, geometry in enumerate(geometries, start=1)]
    if crs := _crs(collection):
        moved = to_wgs84(uri, [shape.geometry for shape in shapes], crs)
        shapes = [_moved(shape, geometry) for shape, geometry in zip(shapes, moved, strict=True)]
    return Features(
        code_property,
        [text_of(feature.get(code_property)) for feature in properties],
        [text_of(feature.get(name_property)) if name_property else "" for feature in properties],
        shapes,
    )


def _features(content: bytes, uri: str) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any] | None]]:
    try:
        collection = json.loads(content)
        features = collection["features"]
        properties = [dict(feature.get("properties") or {}) for feature in features]
        geometries = [dict(feature["geometry"]) if feature.get("geometry") else None for feature in features]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunRefused(
            f"{uri}: not a GeoJSON FeatureCollection of areas ({type(error).__name__}: {error}), nor a GeoPackage, "
            "shapefile, GeoParquet or FlatGeobuf file"
        ) from error
    if not features:
        raise RunRefused(f"{uri}: holds no features; expected a polygon for each area")
    return collection, properties, geometries


def _crs(collection: dict[str, Any]) -> str | None:
    """The coordinate reference system that the file names; None for GeoJSON's own, WGS84."""
    named = collection.get("crs")
    properties = named.get("properties") if isinstance(named, dict) else None
    text = properties.get("name") if isinstance(properties, dict) else None
    return text if isinstance(text, str) else None


def _moved(shape: Shape, geometry: Any) -> Shape:
    if geometry is None:
        return replace(shape, bounds=None)
    moved = shape_of(geometry)
    return replace(moved, kind=shape.kind, repaired=shape.repaired or moved.repaired)


def _shape(uri: str, number: int, geometry: dict[str, Any] | None) -> Shape:
    try:
        return read_shape(geometry)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise RunRefused(f"{uri}, feature {number}: its coordinates are not those of a polygon ({error})") from error


def read_shape(geometry: dict[str, Any] | None) -> Shape:
    """The polygons of a GeoJSON geometry (see `shape_of_parts`).

    Raises:
        ValueError: coordinates are not numbers.
    """
    if geometry is None:
        return Shape(None, "null")
    parts = [_parts(coordinates) for coordinates in _polygon_coordinates(geometry)]
    return shape_of_parts([_draw(part) for part in parts if part], str(geometry.get("type")))


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


def _draw(part: list[list[npt.NDArray[np.float64]]]) -> Any:
    """One Polygon or MultiPolygon, valid or not."""
    import shapely

    polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in part]
    return polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
