"""Boundaries as SVG paths: exact steps, holes, islands, proportions, and borders that neighbours share."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paths import DATA, DEMO_CITY
from streetdeciles.config import Boundaries
from streetdeciles.errors import RunRefused
from streetdeciles.report import maps
from streetdeciles.report.maps import Outline, draw_map, read_outlines


def square(west: float, south: float, side: float) -> np.ndarray:
    east, north = west + side, south + side
    return np.array([(west, south), (west, north), (east, north), (east, south), (west, south)])


def write_geojson(path: Path, *features: dict[str, Any]) -> Boundaries:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return Boundaries(path=str(path), area_id="code", name="name")


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def test_map_of_a_square_with_a_hole_is_two_closed_rings() -> None:
    area = Outline("Ring", (square(0, -1, 2), square(0.5, -0.5, 1)))
    drawn = draw_map({"a": area}, ["a"])
    assert drawn is not None
    assert (drawn.width, drawn.height) == (8000, 8000)
    assert drawn.paths == {"a": "M0 8000l0-8000 8000 0 0 8000zM2000 6000l0-4000 4000 0 0 4000z"}


def test_map_narrows_longitude_by_the_cosine_of_the_latitude() -> None:
    drawn = draw_map({"a": Outline("", (square(10, 59.5, 1),))}, ["a"])
    assert drawn is not None
    assert drawn.height == 8000
    assert drawn.width == 4000


def test_map_holds_the_asked_areas_that_have_an_outline() -> None:
    outlines = {name: Outline(name, (square(i, 0, 1),)) for i, name in enumerate("abc")}
    drawn = draw_map(outlines, ["c", "a", "elsewhere"])
    assert drawn is not None
    assert list(drawn.paths) == ["a", "c"]
    assert draw_map(outlines, ["elsewhere"]) is None


def test_area_smaller_than_the_grid_is_still_drawn() -> None:
    outlines = {"large": Outline("", (square(0, 0, 10),)), "tiny": Outline("", (square(20, 0, 1e-6),))}
    drawn = draw_map(outlines, outlines)
    assert drawn is not None
    assert drawn.paths["tiny"].endswith("h1v1h-1z")


def test_coarser_grid_is_taken_where_paths_would_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    outlines = read_outlines(Boundaries(path=str(DEMO_CITY / "lsoa11_bury.geojson")))
    fine = draw_map(outlines, outlines)
    monkeypatch.setattr(maps, "PATH_BYTES", 25_000)
    coarse = draw_map(outlines, outlines)
    assert fine is not None
    assert coarse is not None
    assert max(fine.width, fine.height) == 8000
    assert max(coarse.width, coarse.height) < 8000
    assert coarse.paths.keys() == fine.paths.keys()
    assert sum(map(len, coarse.paths.values())) < sum(map(len, fine.paths.values()))


def test_neighbours_share_their_border() -> None:
    """Of all edges of Bury's areas on the grid, those that are not the borough's own rim stand there twice."""
    outlines = read_outlines(Boundaries(path=str(DEMO_CITY / "lsoa11_bury.geojson")))
    drawn = draw_map(outlines, outlines)
    assert drawn is not None
    edges: dict[frozenset[tuple[int, int]], int] = {}
    for path in drawn.paths.values():
        for ring in path.split("z")[:-1]:
            numbers = np.array([int(number) for number in re.findall(r"-?\d+", ring)]).reshape(-1, 2)
            corners = [tuple(corner) for corner in numbers.cumsum(axis=0).tolist()]
            for edge in zip(corners, corners[1:] + corners[:1], strict=True):
                edges[frozenset(edge)] = edges.get(frozenset(edge), 0) + 1
    assert max(edges.values()) == 2
    assert sum(n == 2 for n in edges.values()) / len(edges) > 0.85


def test_outlines_of_real_boundaries_have_names() -> None:
    outlines = read_outlines(Boundaries(path=str(DATA / "boundaries/lsoa11_westminster.geojson")))
    assert len(outlines) == 128
    assert outlines["E01004646"].name == "Westminster 002A"


def test_outline_takes_all_polygons_of_an_area(tmp_path: Path) -> None:
    rings = [square(i, 0, 0.5).tolist() for i in range(4)]
    boundaries = write_geojson(
        tmp_path / "areas.geojson",
        feature("MultiPolygon", [[rings[0], rings[1]], [rings[2]]], code="A", name="A"),
        feature("Polygon", [rings[3]], code="A"),
        feature("Polygon", [rings[0]], code="NAMELESS", name=None),
        {"type": "Feature", "properties": {"code": "nowhere"}, "geometry": None},
    )
    outlines = read_outlines(boundaries)
    assert {area_id: (outline.name, len(outline.rings)) for area_id, outline in outlines.items()} == {
        "A": ("A", 4),
        "NAMELESS": ("", 1),
    }


def test_outline_is_what_the_labels_stage_takes_for_the_area(tmp_path: Path) -> None:
    """A collection's polygons, of a crossing ring both lobes, and no outline of what has no polygon."""
    collection = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Polygon", "coordinates": [square(0, 0, 1).tolist()]},
            {"type": "LineString", "coordinates": [[0, 0], [5, 5]]},
            {"type": "Polygon", "coordinates": [square(3, 0, 1).tolist()]},
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
    assert {area_id: len(outline.rings) for area_id, outline in outlines.items()} == {"COLLECTION": 2, "BOW TIE": 2}
    corners = [sorted({*map(tuple, ring.tolist())}) for ring in outlines["BOW TIE"].rings]
    assert sorted(corners) == [[(10, 0), (10, 2), (11, 1)], [(11, 1), (12, 0), (12, 2)]]


@pytest.mark.parametrize(
    ("properties", "kind", "says"),
    [({"id": "a"}, "Polygon", "property 'code'"), ({"code": "a", "name": "A"}, "LineString", "only LineString")],
)
def test_boundaries_that_are_unfit_are_refused_with_their_file(
    tmp_path: Path, properties: dict[str, str], kind: str, says: str
) -> None:
    boundaries = write_geojson(tmp_path / "areas.geojson", feature(kind, [square(0, 0, 1).tolist()], **properties))
    with pytest.raises(RunRefused, match=says) as failure:
        read_outlines(boundaries)
    assert str(tmp_path / "areas.geojson") in str(failure.value)
