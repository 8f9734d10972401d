"""Boundaries as SVG paths: one path per area, on a grid of whole numbers, so that a country fits into a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streetdeciles.config import Boundaries
from streetdeciles.geography.boundaries import read_boundaries

Ring = npt.NDArray[np.float64]
"""[points, 2]: longitude and latitude in degrees, or whole grid units after placing it on the grid."""

GRIDS = (8000, 4000, 2000, 1000)
"""Units along the longer side of a map; the finest grid is used whose paths fit into PATH_BYTES."""

PATH_BYTES = 3_000_000


@dataclass(frozen=True)
class Outline:
    """An area's name and the rings of all its polygons, including holes."""

    name: str
    rings: tuple[Ring, ...]


@dataclass(frozen=True)
class AreaMap:
    """The areas of one region that have an outline: SVG path data, in a box of `width` x `height` units."""

    width: int
    height: int
    paths: dict[str, str]


def read_outlines(section: Boundaries) -> dict[str, Outline]:
    """area_id -> outline of each area that has a polygon; those of several features get the rings of all.

    RunRefused where the file is not one of boundaries (`geography.boundaries`).
    """
    import shapely

    boundaries = read_boundaries(section.path, section.area_id, section.name)
    outlines: dict[str, Outline] = {}
    for area_id, geometry in zip(boundaries.polygons.area_ids, boundaries.polygons.polygons, strict=True):
        before = outlines.get(area_id, Outline(boundaries.names[area_id], ()))
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(geometry))]
        outlines[area_id] = Outline(before.name, (*before.rings, *rings))
    return outlines


def draw_map(outlines: Mapping[str, Outline], area_ids: Iterable[str]) -> AreaMap | None:
    """The map of the `area_ids` that have an outline; None if none has.

    One degree of longitude is drawn cos(latitude) times as wide as one of latitude, at the map's middle. Points are
    rounded to one grid for all areas, so that neighbours keep their common border.
    """
    shown = {area_id: outlines[area_id].rings for area_id in sorted(set(area_ids)) if area_id in outlines}
    if not shown:
        return None
    points = np.concatenate([ring for rings in shown.values() for ring in rings])
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    narrowing = math.cos(math.radians((south + north) / 2))
    extent = np.array([(east - west) * narrowing, north - south])
    paths: dict[str, str] = {}
    for grid in GRIDS:
        scale = grid / max(float(extent.max()), 1e-9)
        stretch = np.array([narrowing * scale, -scale])
        origin = np.array([west, north])
        paths = {
            area_id: _path([np.rint((ring - origin) * stretch).astype(np.int64) for ring in rings])
            for area_id, rings in shown.items()
        }
        if sum(map(len, paths.values())) <= PATH_BYTES:
            break
    width, height = (max(1, round(float(side) * scale)) for side in extent)
    return AreaMap(width, height, paths)


def _path(rings: Sequence[npt.NDArray[np.int64]]) -> str:
    """SVG path data of the rings, each closed, in relative whole-number steps."""
    drawn = [data for data in map(_ring_path, rings) if data]
    if drawn:
        return "".join(drawn)
    x, y = rings[0][0]
    return f"M{x} {y}h1v1h-1z"  # smaller than the grid: still one visible cell


def _ring_path(ring: npt.NDArray[np.int64]) -> str:
    steps = np.diff(ring, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    if len(steps) > 1 and not steps.sum(axis=0).any():
        steps = steps[:-1]  # `z` goes back to the start
    if len(steps) < 2:
        return ""
    x, y = ring[0]
    data = " ".join(str(step) for step in steps.ravel().tolist())
    return f"M{x} {y}l{data}z".replace(" -", "-")
