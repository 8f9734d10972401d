"""The polygons of a region's areas on a grid of whole numbers, simplified so that a country fits into a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.config import Boundaries
from streetdeciles.geography.boundaries import read_boundaries

Ring = npt.NDArray[np.int64]
"""[points, 2]: steps to the right and down on the grid; the last point is the first one."""

GRID = 32_000
"""Units along the longer side of a map: 20 metres for England, half a metre for a town."""

MAX_POINTS = 500_000
"""The points of all areas of a map, about 4 MB of path data. With more, the borders are simplified."""

TOLERANCES = (0, 4, 8, 16, 32, 64, 128, 256, 512)
"""Grid units: the side of a square as large as the triangles that a simplified border may cut off."""


@dataclass(frozen=True)
class Outline:
    """An area's name, and its polygons in WGS84 degrees (shapely)."""

    name: str
    polygons: tuple[Any, ...]


@dataclass(frozen=True)
class AreaMap:
    """The areas of one region that have an outline, in a box of `width` x `height` units.

    `polygons`: by area_id, the rings of each polygon; the first ring is its outer one, the others are holes.
    `labels`: by area_id, centre x, y and radius of the largest circle inside, where a number can be written.
    """

    width: int
    height: int
    polygons: dict[str, list[list[Ring]]]
    labels: dict[str, tuple[int, int, int]]

    @cached_property
    def paths(self) -> dict[str, str]:
        """SVG path data of each area."""
        return {
            area_id: _path([ring for rings in polygons for ring in rings])
            for area_id, polygons in self.polygons.items()
        }

    @cached_property
    def largest_first(self) -> list[int]:
        """The positions of the areas, by the longer side of their largest polygon."""
        sides = [max(float(np.ptp(rings[0], axis=0).max()) for rings in each) for each in self.polygons.values()]
        order: list[int] = np.argsort(-np.array(sides), kind="stable").tolist()
        return order


def read_outlines(section: Boundaries) -> dict[str, Outline]:
    """area_id -> outline of each area that has a polygon; those of several features get the polygons of all.

    RunRefused where the file is not one of boundaries (`geography.boundaries`).
    """
    import shapely

    boundaries = read_boundaries(section.path, section.area_id, section.name)
    outlines: dict[str, Outline] = {}
    for area_id, geometry in zip(boundaries.polygons.area_ids, boundaries.polygons.polygons, strict=True):
        before = outlines.get(area_id, Outline(boundaries.names[area_id], ()))
        outlines[area_id] = Outline(before.name, (*before.polygons, *shapely.get_parts(geometry)))
    return outlines


def draw_map(outlines: Mapping[str, Outline], area_ids: Iterable[str]) -> AreaMap | None:
    """The map of the `area_ids` that have an outline; None if none has.

    One degree of longitude is drawn cos(latitude) times as wide as one of latitude, at the map's middle. Neighbours
    keep their common border: it is simplified once for both (shapely's coverage_simplify), and all points are rounded
    to the same grid.
    """
    import shapely

    area_ids = [area_id for area_id in sorted(set(area_ids)) if area_id in outlines]
    if not area_ids:
        return None
    shapes = np.array([shapely.MultiPolygon([*outlines[area_id].polygons]) for area_id in area_ids], dtype=object)
    west, south, east, north = shapely.total_bounds(shapes)
    narrowing = math.cos(math.radians((south + north) / 2))
    extent = np.array([(east - west) * narrowing, north - south])
    scale = GRID / max(float(extent.max()), 1e-9)
    origin, stretch = np.array([west, north]), np.array([narrowing * scale, -scale])
    shapes = _simplified(shapely.transform(shapes, lambda points: (points - origin) * stretch))
    width, height = (max(1, round(float(side) * scale)) for side in extent)
    return AreaMap(
        width,
        height,
        {area_id: _polygons(shape) for area_id, shape in zip(area_ids, shapes, strict=True)},
        dict(zip(area_ids, label_points(shapes), strict=True)),
    )


def _simplified(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    import shapely

    for tolerance in TOLERANCES:
        if tolerance:
            shapes = shapely.coverage_simplify(shapes, tolerance)
        if shapely.get_num_coordinates(shapes).sum() <= MAX_POINTS:
            break
    return shapes


def _polygons(shape: Any) -> list[list[Ring]]:
    import shapely

    return [
        [np.rint(shapely.get_coordinates(ring)).astype(np.int64) for ring in shapely.get_rings(polygon)]
        for polygon in shapely.get_parts(shape)
    ]


def label_points(shapes: npt.NDArray[np.object_]) -> list[tuple[int, int, int]]:
    """Centre x, y and radius of the largest circle in each shape."""
    import shapely

    largest = [max(shapely.get_parts(shape), key=shapely.area) for shape in shapes]
    tolerances = np.maximum(np.sqrt(shapely.area(largest)) / 50, 1e-6)
    ends = shapely.get_coordinates(shapely.maximum_inscribed_circle(largest, tolerances)).reshape(-1, 2, 2)
    radii = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    return [(round(x), round(y), int(radius)) for (x, y), radius in zip(ends[:, 0], radii, strict=True)]


def _path(rings: Sequence[Ring]) -> str:
    """SVG path data of the rings, each closed, in relative whole-number steps."""
    drawn = [data for data in map(_ring_path, rings) if data]
    if drawn:
        return "".join(drawn)
    x, y = rings[0][0]
    return f"M{x} {y}h1v1h-1z"  # smaller than the grid: still one visible cell


def line_path(line: Ring) -> str:
    """SVG path data of an open line, in relative whole-number steps."""
    (x, y), steps = line[0], np.diff(line, axis=0)
    data = " ".join(str(step) for step in steps.ravel().tolist())
    return f"M{x} {y}l{data}".replace(" -", "-")


def _ring_path(ring: Ring) -> str:
    steps = np.diff(ring, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    if len(steps) > 1 and not steps.sum(axis=0).any():
        steps = steps[:-1]  # `z` goes back to the start
    if len(steps) < 2:
        return ""
    x, y = ring[0]
    data = " ".join(str(step) for step in steps.ravel().tolist())
    return f"M{x} {y}l{data}z".replace(" -", "-")
