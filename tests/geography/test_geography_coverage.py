"""Overlaps of areas and gaps between them, in square metres."""

from __future__ import annotations

import pytest
import shapely

from paths import DATA
from streetdeciles.geography.boundaries import AreaPolygons, read_boundaries
from streetdeciles.geography.coverage import coverage_notes, square_metres

STEP = 0.01
"""Degrees: at the equator 1.11 km, so that a square has 1.236 km²."""


def boxes(*places: tuple[str, float, float, float, float]) -> AreaPolygons:
    """Areas by code with west, south, east and north in steps."""
    return AreaPolygons(
        [code for code, *_ in places], [shapely.box(*(STEP * side for side in sides)) for _, *sides in places]
    )


def test_square_on_the_equator_has_the_size_of_the_sphere() -> None:
    assert square_metres([shapely.box(0, 0, STEP, STEP)])[0] == pytest.approx(1111.95**2, rel=1e-6)
    assert square_metres([shapely.box(0, 60, STEP, 60 + STEP)])[0] == pytest.approx(1111.95**2 / 2, rel=1e-3)


def test_areas_that_meet_have_no_notes() -> None:
    assert coverage_notes("f", boxes(("A", 0, 0, 1, 1), ("B", 1, 0, 2, 1), ("C", 5, 5, 6, 6))) == []


def test_overlap_is_measured_and_named() -> None:
    areas = boxes(("A", 0, 0, 1, 1), ("B", 0.5, 0, 2, 1), ("C", 1.9, 0, 3, 1), ("D", 9, 9, 10, 10))
    assert coverage_notes("f.gpkg", areas) == [
        "2 pair(s) of areas of f.gpkg overlap, by 0.7419 km² together, most A and B: "
        "a point in both is in the first by its code"
    ]


def test_gap_is_measured_and_placed() -> None:
    ring = shapely.difference(shapely.box(0, 0, 3 * STEP, 3 * STEP), shapely.box(STEP, STEP, 2 * STEP, 2 * STEP))
    assert coverage_notes("f.gpkg", AreaPolygons(["A"], [ring])) == [
        "1 gap(s) between areas of f.gpkg, of 1.2364 km² together, the largest at 0.01500, 0.01500: "
        "a point in one is in no area"
    ]
    filled = AreaPolygons(["A", "B"], [ring, shapely.box(STEP, STEP, 2 * STEP, 2 * STEP)])
    assert coverage_notes("f.gpkg", filled) == []


def test_parts_of_one_area_may_overlap() -> None:
    assert coverage_notes("f", boxes(("A", 0, 0, 1, 1), ("A", 0.5, 0, 2, 1))) == []


def test_published_boundaries_have_neither() -> None:
    path = str(DATA / "boundaries" / "lsoa11_westminster.geojson")
    assert coverage_notes(path, read_boundaries(path).polygons) == []


def test_polygons_survive_the_way_to_a_worker() -> None:
    polygons = read_boundaries(str(DATA / "boundaries" / "lsoa11_westminster.geojson")).polygons
    again = AreaPolygons.of_table(polygons.to_table())
    assert again.area_ids.tolist() == polygons.area_ids.tolist()
    assert shapely.equals_exact(again.polygons, polygons.polygons).all()
