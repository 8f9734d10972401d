"""Districts on a region's map, as light context: their borders, and their names where there is room for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streetdeciles.geography.districts import named_district
from streetdeciles.report.maps import GRID, AreaMap, Ring, label_points, line_path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

CODE = r"[A-Z]\d{8}"
"""A code of the statistics office, e.g. `E08000002`: nothing to write on a map."""

WIDEST_GAP = GRID / 750
"""Grid units, a pixel of a small map: narrower holes in a district are gaps between areas."""

MAX_POINTS = 60_000
"""The points of all borders, about 0.5 MB of path data. With more, they are simplified."""

TOLERANCES = (0, 8, 32, 128)
"""Grid units by which a simplified border may be off."""

FONT_SIZE = round(GRID / 42)
"""Grid units, of names on paper: 18 of the 760 pixels of a map's longer side."""

WIDTH_OF_LETTER = 0.6
"""The width of an average letter as a share of the font size."""


@dataclass(frozen=True)
class Districts:
    """The districts of a map, in grid units.

    `borders` are lines, each border once. `labels`: centre x, y and radius of the largest circle in each of `names`.
    """

    names: list[str]
    labels: list[tuple[int, int, int]]
    borders: list[Ring]

    @cached_property
    def path(self) -> str:
        """SVG path data of the borders."""
        return "".join(map(line_path, self.borders))

    @property
    def written(self) -> list[tuple[str, int, int]]:
        """The names that fit into their districts at FONT_SIZE, with their places."""
        return [
            (name, x, y)
            for name, (x, y, radius) in zip(self.names, self.labels, strict=True)
            if len(name) * WIDTH_OF_LETTER * FONT_SIZE <= 2.4 * radius
        ]


def districts_of_areas(areas: pd.DataFrame, names: Mapping[str, str]) -> dict[str, str]:
    """area_id -> the name of its district, of the areas whose district is known.

    Districts are those of the locations; an area without locations is in the district of the areas with the same one
    in their names. If no location has a district, the names alone say it: `Bury 021A` is in Bury.

    Args:
        areas: area_id and district (a name or a code, null = not known) of a region, in any number of rows each.
        names: of areas, by area_id.
    """
    frame = areas.groupby("area_id")[["district"]].first().astype(object)
    frame["named"] = [named_district(names.get(str(area_id), "")) for area_id in frame.index]
    district = frame["district"]
    if district.isna().all():
        return _by_area(frame["named"])
    both = frame.dropna()
    of_name = both.groupby("named")["district"].agg(_most_frequent)
    name_of = both.groupby("district")["named"].agg(_most_frequent)
    known = _by_area(district.where(district.notna(), frame["named"].map(of_name)))
    return {area_id: name_of.get(name, name) if re.fullmatch(CODE, name) else name for area_id, name in known.items()}


def _by_area(values: pd.Series) -> dict[str, str]:
    return {str(area_id): str(value) for area_id, value in values.dropna().items()}


def _most_frequent(values: pd.Series) -> Any:
    return values.mode().iloc[0]


def draw_districts(drawn: AreaMap, district_of: Mapping[str, str]) -> Districts | None:
    """The outlines of the districts, dissolved from the map's areas; None if there are not several districts."""
    import numpy as np
    import shapely

    members: dict[str, list[Any]] = {}
    for area_id, polygons in drawn.polygons.items():
        if area_id in district_of:
            members.setdefault(district_of[area_id], []).extend(map(_polygon, polygons))
    if len(members) < 2:
        return None
    names = sorted(members)
    # Precise to the grid, on which the areas' corners lie, so that the borders are those of the areas.
    shapes = np.array([_without_gaps(shapely.union_all(members[name], grid_size=1)) for name in names], dtype=object)
    has_size = shapely.area(shapes) > 0
    if has_size.sum() < 2:
        return None
    shapes = shapes[has_size]
    return Districts(
        [name for name, drawn_one in zip(names, has_size, strict=True) if drawn_one],
        label_points(shapes),
        _borders(shapes),
    )


def _polygon(rings: list[Ring]) -> Any:
    import shapely

    outer, *holes = (ring for ring in rings if len(ring) >= 4)
    return shapely.make_valid(shapely.Polygon(outer, holes))


def _without_gaps(shape: Any) -> Any:
    import shapely

    parts = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            holes = [hole for hole in part.interiors if shapely.Polygon(hole).buffer(-WIDEST_GAP / 2)]
            parts.append(shapely.Polygon(part.exterior, holes))
    return shapely.MultiPolygon(parts)


def _borders(shapes: npt.NDArray[np.object_]) -> list[Ring]:
    import numpy as np
    import shapely

    lines = shapely.line_merge(shapely.union_all(shapely.boundary(shapes), grid_size=1))
    for tolerance in TOLERANCES:
        if tolerance:
            lines = shapely.simplify(lines, tolerance)
        if shapely.get_num_coordinates(lines) <= MAX_POINTS:
            break
    return [np.rint(shapely.get_coordinates(line)).astype(np.int64) for line in shapely.get_parts(lines)]
