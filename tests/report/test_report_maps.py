"""Boundaries on a grid: exact steps, holes, islands, proportions, and borders that neighbours share."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from paths import DATA, DEMO_CITY
from streetdeciles.config import Boundaries
from streetdeciles.errors import RunRefused
from streetdeciles.report import maps
from streetdeciles.report.maps import Outline, draw_map, read_outlines


def square(west: float, south: float, side: float) -> list[tuple[float, float]]:
    east, north = west + side, south + side
    return [(west, south), (west, north), (east, north), (east, south), (west, south)]


def outline(name: str, outer: list[tuple[float, float]], *holes: list[tuple[float, float]]) -> Outline:
    return Outline(name, (shapely.Polygon(outer, holes),))


def write_geojson(path: Path, *features: dict[str, Any]) -> Boundaries:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return Boundaries(path=str(path), area_id="code", name="name")


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def test_map_of_a_square_with_a_hole_is_two_closed_rings() -> None:
    area = outline("Ring", square(0, -1, 2), square(0.5, -0.5, 1))
    drawn = draw_map({"a": area}, ["a"])
    assert drawn is not None
    assert (drawn.width, drawn.height) == (32000, 32000)
    assert drawn.paths == {"a": "M0 32000l0-32000 32000 0 0 32000zM8000 24000l0-16000 16000 0 0 16000z"}


def test_label_is_in_the_middle_of_the_largest_circle_inside() -> None:
    """An L that is one wide: the circle in its corner touches both outer sides and the inner corner (1, 1)."""
    drawn = draw_map({"a": outline("", [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3), (0, 0)])}, ["a"])
    assert drawn is not None
    unit = 32000 / 3
    radius = (2 - 2**0.5) * unit  # r + r / sqrt(2) = 1
    x, y, r = drawn.labels["a"]
    assert (x, 32000 - y, r) == pytest.approx((radius, radius, radius), rel=0.02)


def test_map_narrows_longitude_by_the_cosine_of_the_latitude() -> None:
    drawn = draw_map({"a": outline("", square(10, 59.5, 1))}, ["a"])
    assert drawn is not None
    assert drawn.height == 32000
    assert drawn.width == 16000


def test_map_holds_the_asked_areas_that_have_an_outline() -> None:
    outlines = {name: outline(name, square(i, 0, 1)) for i, name in enumerate("abc")}
    drawn = draw_map(outlines, ["c", "a", "elsewhere"])
    assert drawn is not None
    assert list(drawn.paths) == ["a", "c"]
    assert draw_map(outlines, ["elsewhere"]) is None


def test_area_smaller_than_the_grid_is_still_drawn() -> None:
    outlines = {"large": outline("", square(0, 0, 10)), "tiny": outline("", square(20, 0, 1e-6))}
    drawn = draw_map(outlines, outlines)
    assert drawn is not None
    assert drawn.paths["tiny"].endswith("h1v1h-1z")


@pytest.mark.parametrize("max_points", [maps.MAX_POINTS, 3_000])
def test_neighbours_share_their_border(max_points: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all edges of Bury's areas, simplified or not, those that are not the borough's own rim appear twice."""
    monkeypatch.setattr(maps, "MAX_POINTS", max_points)
    outlines = read_outlines(Boundaries(path=str(DEMO_CITY / "lsoa11_bury.geojson")))
    drawn = draw_map(outlines, outlines)
    assert drawn is not None
    rings = [ring for polygons in drawn.polygons.values() for polygon in polygons for ring in polygon]
    assert sum(map(len, rings)) <= max_points
    edges: dict[frozenset[tuple[int, int]], int] = {}
    for path in drawn.paths.values():
        for ring in path.split("z")[:-1]:
            numbers = np.array([int(number) for number in re.findall(r"-?\d+", ring)]).reshape(-1, 2)
            corners = [tuple(corner) for corner in numbers.cumsum(axis=0).tolist()]
            for edge in zip(corners, corners[1:] + corners[:1], strict=True):
                edges[frozenset(edge)] = edges.get(frozenset(edge), 0) + 1
    assert max(edges.values()) == 2
    assert sum(n == 2 for n in edges.values()) / len(edges) > 0.8


def test_outlines_of_real_boundaries_have_names() -> None:
    outlines = read_outlines(Boundaries(path=str(DATA / "boundaries/lsoa11_westminster.geojson")))
    assert len(outlines) == 128
    assert outlines["E01004646"].name == "Westminster 002A"


def test_outline_takes_all_polygons_of_an_area(tmp_path: Path) -> None:
    rings = [square(i, 0, 0.5) for i in range(4)]
    boundaries = write_geojson(
        tmp_path / "areas.geojson",
        feature("MultiPolygon", [[rings[0], rings[1]], [rings[2]]], code="A", name="A"),
        feature("Polygon", [rings[3]], code="A"),
        feature("Polygon", [rings[0]], code="NAMELESS", name=None),
        {"type": "Feature", "properties": {"code": "nowhere"}, "geometry": None},
    )
    outlines = read_outlines(boundaries)
    assert {area_id: (each.name, len(each.polygons)) for area_id, each in outlines.items()} == {
        "A": ("A", 4),
        "NAMELESS": ("", 1),
    }


def test_outline_is_what_the_labels_stage_takes_for_the_area(tmp_path: Path) -> None:
    """A collection's polygons, of a crossing ring both lobes, and no outline of what has no polygon."""
    collection = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Polygon", "coordinates": [square(0, 0, 1)]},
            {"type": "LineString", "coordinates": [[0, 0], [5, 5]]},
            {"type": "Polygon", "coordinates": [square(3, 0, 1)]},
        ],
    }
    boundaries = write_geojson(
        tmp_path / "areas.geojson",
        {"type": "Feature", "properties": {"code": "COLLECTION", "name": "C"}, "geometry": collection},
        feature("Polygon", [[[10, 0], [12, 2], [12, 0], [10, 2], [10, 0]]], code="BOW TIE"),
        feature("Polygon", [[]], code="empty"),
        feature("Point", [1, 1], code="point"),
    )
    outlines = read_outlines(boundaries)
    assert {area_id: len(each.polygons) for area_id, each in outlines.items()} == {"COLLECTION": 2, "BOW TIE": 2}
    corners = [sorted({*polygon.exterior.coords}) for polygon in outlines["BOW TIE"].polygons]
    assert sorted(corners) == [[(10, 0), (10, 2), (11, 1)], [(11, 1), (12, 0), (12, 2)]]


@pytest.mark.parametrize(
    ("properties", "kind", "says"),
    [({"id": "a"}, "Polygon", "property 'code'"), ({"code": "a", "name": "A"}, "LineString", "only LineString")],
)
def test_boundaries_that_are_unfit_are_refused_with_their_file(
    tmp_path: Path, properties: dict[str, str], kind: str, says: str
) -> None:
    boundaries = write_geojson(tmp_path / "areas.geojson", feature(kind, [square(0, 0, 1)], **properties))
    with pytest.raises(RunRefused, match=says) as failure:
        read_outlines(boundaries)
    assert str(tmp_path / "areas.geojson") in str(failure.value)
