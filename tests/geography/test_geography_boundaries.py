"""Points in polygons: squares by hand, Westminster's areas, and geometries that are not quite polygons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paths import DATA
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaPolygons, read_boundaries
from streetdeciles.geography.geojson import read_shape

WESTMINSTER = str(DATA / "boundaries" / "lsoa11_westminster.geojson")


def square(west: float, south: float, side: float = 1) -> dict[str, Any]:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(code: object, geometry: dict[str, Any] | None, **more: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"code": code, **more}, "geometry": geometry}


def written(folder: Path, *features: dict[str, Any]) -> str:
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def areas_at(polygons: AreaPolygons, *points: tuple[float, float]) -> list[str | None]:
    longitude, latitude = np.array(points).T
    return list(polygons.areas_at(longitude, latitude))


def test_point_is_in_its_square_and_no_other(tmp_path: Path) -> None:
    path = written(tmp_path, feature("B", square(1, 0)), feature("A", square(0, 0)), feature(7, square(0, 5)))
    polygons = read_boundaries(path, "code").polygons
    assert areas_at(polygons, (1.5, 0.5), (0.5, 0.5), (0.5, 5.5), (3, 3)) == ["B", "A", "7", None]


def test_point_on_a_border_is_in_the_first_area_by_code(tmp_path: Path) -> None:
    features = [feature("B", square(1, 0)), feature("A", square(0, 0)), feature("C", square(1, 1))]
    for ordered in (features, features[::-1]):
        polygons = read_boundaries(written(tmp_path, *ordered), "code").polygons
        assert areas_at(polygons, (1, 0.5), (1, 1), (2, 1), (2, 2)) == ["A", "A", "B", "C"]


def test_hole_is_outside_and_every_part_of_an_area_is_inside(tmp_path: Path) -> None:
    ring = {"type": "Polygon", "coordinates": [*square(0, 0, 10)["coordinates"], *square(4, 4, 2)["coordinates"]]}
    parts = {"type": "MultiPolygon", "coordinates": [square(20, 0)["coordinates"], square(30, 0)["coordinates"]]}
    path = written(tmp_path, feature("ring", ring), feature("parts", parts), feature("parts", square(40, 0)))
    polygons = read_boundaries(path, "code").polygons
    points = ((5, 5), (1, 1), (20.5, 0.5), (30.5, 0.5), (40.5, 0.5))
    assert areas_at(polygons, *points) == [None, "RING", "PARTS", "PARTS", "PARTS"]


def test_area_without_geometry_is_in_the_file_but_not_drawn(tmp_path: Path) -> None:
    empty = {"type": "Polygon", "coordinates": []}
    path = written(tmp_path, feature("A", None), feature("B", square(0, 0)), feature("C", empty))
    polygons = read_boundaries(path, "code").polygons
    assert polygons.area_ids.tolist() == ["B"]


def test_published_centres_lie_in_their_westminster_areas() -> None:
    features = json.loads(Path(WESTMINSTER).read_text())["features"]
    polygons = read_boundaries(WESTMINSTER, "LSOA11CD", "LSOA11NM").polygons
    places = [(row["properties"]["LONG"], row["properties"]["LAT"]) for row in features]
    actual = areas_at(polygons, *places)
    expected = [row["properties"]["LSOA11CD"] for row in features]
    # The published centre of a bent area may lie beside it.
    assert sum(a == b for a, b in zip(actual, expected, strict=True)) >= 120
    inside = [str(polygon.representative_point().wkt) for polygon in polygons.polygons]
    points = [tuple(map(float, text[7:-1].split())) for text in inside]
    assert areas_at(polygons, *points) == polygons.area_ids.tolist()  # type: ignore[arg-type]


def test_property_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        RunRefused, match=r"no feature has the property 'LSOA21CD' \(labels.boundaries.area_id\); .*LSOA11CD, LSOA11NM"
    ):
        read_boundaries(WESTMINSTER, "LSOA21CD")
    with pytest.raises(
        RunRefused, match=r"no feature has the property 'NAME' \(labels.boundaries.name\); .*LSOA11CD, LSOA11NM"
    ):
        read_boundaries(WESTMINSTER, "LSOA11CD", "NAME")


def bow_tie(west: float) -> list[list[float]]:
    """A ring that crosses itself at (west + 1, 1): a lobe to the west, one to the east."""
    return [[west, 0], [west + 2, 2], [west + 2, 0], [west, 2], [west, 0]]


def collection(*geometries: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "GeometryCollection", "geometries": list(geometries)}


LINE = {"type": "LineString", "coordinates": [[0, 0], [9, 9]]}


@pytest.mark.parametrize(
    ("geometry", "inside", "outside"),
    [
        (collection(LINE, square(0, 0), square(3, 0)), [(0.5, 0.5), (3.5, 0.5)], [(2, 0.5)]),
        (collection(collection(square(0, 0), None), square(1, 0)), [(0.5, 0.5), (1, 0.5), (1.5, 0.5)], [(3, 0.5)]),
        ({"type": "Polygon", "coordinates": [[[0, 0, 7], [1, 0], [1, 1, 7.5], [0, 1, None]]]}, [(0.5, 0.5)], [(2, 2)]),
        ({"type": "Polygon", "coordinates": [[*square(0, 0)["coordinates"][0], [0, 0], [0, 0]]]}, [(0.5, 0.5)], []),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [2, 0], [2, 2], [0, 2], [0, 0]], []]}, [(1, 1)], []),
        (
            {"type": "MultiPolygon", "coordinates": [[[]], square(0, 0)["coordinates"], [], None]},
            [(0.5, 0.5)],
            [(2, 2)],
        ),
    ],
    ids=["collection", "collection within", "heights", "closed twice", "empty hole", "empty parts"],
)
def test_polygons_are_taken_out_of_any_geometry(
    tmp_path: Path, geometry: dict[str, Any], inside: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    boundaries = read_boundaries(written(tmp_path, feature("A", geometry)), "code")
    assert areas_at(boundaries.polygons, *inside, *outside) == ["A"] * len(inside) + [None] * len(outside)
    assert boundaries.notes == ()


@pytest.mark.parametrize(
    ("rings", "inside", "outside"),
    [
        ([bow_tie(0)], [(0.2, 1), (1.8, 1)], [(1, 0.2), (1, 1.8)]),
        ([*square(0, 0, 4)["coordinates"], *square(6, 0, 1)["coordinates"]], [(1, 1), (6.5, 0.5)], [(5, 0.5)]),
        (
            [*square(0, 0, 4)["coordinates"], *square(3, 1, 2)["coordinates"]],
            [(1, 1), (3.5, 3.5)],
            [(3.5, 2), (4.5, 2)],
        ),
        ([[[0, 0], [4, 0], [4, 4], [0, 4], [0, 9], [0, 0]]], [(1, 1)], [(0, 8)]),
    ],
    ids=["crosses itself", "island among the holes", "hole across the border", "spike"],
)
def test_rings_that_cross_are_repaired_and_noted(
    tmp_path: Path, rings: list[Any], inside: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    path = written(tmp_path, feature("A", {"type": "Polygon", "coordinates": rings}), feature("B", square(20, 20)))
    boundaries = read_boundaries(path, "code")
    assert areas_at(boundaries.polygons, *inside, *outside) == ["A"] * len(inside) + [None] * len(outside)
    assert all(polygon.is_valid for polygon in boundaries.polygons.polygons)
    expected = f"1 feature(s) of {path} have rings that cross, or holes outside: their polygons were repaired, e.g. A"
    assert boundaries.notes == (expected,)


def test_overlapping_parts_of_an_area_are_both_inside(tmp_path: Path) -> None:
    parts = {"type": "MultiPolygon", "coordinates": [square(0, 0, 2)["coordinates"], square(1, 0, 2)["coordinates"]]}
    polygons = read_boundaries(written(tmp_path, feature("A", parts)), "code").polygons
    assert areas_at(polygons, (0.5, 1), (1.5, 1), (2.5, 1), (3.5, 1)) == ["A", "A", "A", None]


NOTHING: list[tuple[dict[str, Any] | None, str]] = [
    (None, "null"),
    ({}, "null"),
    ({"type": "Polygon", "coordinates": []}, "empty"),
    ({"type": "Polygon", "coordinates": [[]]}, "empty"),
    ({"type": "Polygon", "coordinates": None}, "empty"),
    ({"type": "Polygon"}, "empty"),
    ({"type": "MultiPolygon", "coordinates": [[[]], []]}, "empty"),
    ({"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [1, 1]]]}, "empty"),
    ({"type": "Polygon", "coordinates": [[[1, 1], [1, 1], [1, 1], [1, 1]]]}, "empty"),
    ({"type": "Polygon", "coordinates": [[], *square(0, 0)["coordinates"]]}, "empty"),
    ({"type": "Point", "coordinates": [1, 1]}, "Point"),
    (LINE, "LineString"),
    (collection(LINE), "GeometryCollection"),
    (collection(), "GeometryCollection"),
]


@pytest.mark.parametrize(("geometry", "kind"), NOTHING, ids=str)
def test_feature_without_a_polygon_is_not_used_and_noted(
    tmp_path: Path, geometry: dict[str, Any] | None, kind: str
) -> None:
    path = written(tmp_path, feature("A", square(0, 0)), feature("B", geometry), feature("C", square(5, 5)))
    boundaries = read_boundaries(path, "code")
    assert boundaries.polygons.area_ids.tolist() == ["A", "C"]
    assert boundaries.notes == (f"1 feature(s) of {path} have no polygon (1 {kind}), e.g. B: not used",)


def test_feature_that_lacks_its_geometry_or_properties_is_not_used(tmp_path: Path) -> None:
    frame = {"type": "Feature", "properties": None, "geometry": square(-9, -9, 18)}
    path = written(tmp_path, frame, {"type": "Feature", "properties": {"code": "B"}}, feature("A", square(0, 0)))
    boundaries = read_boundaries(path, "code")
    assert areas_at(boundaries.polygons, (0.5, 0.5), (5, 5)) == ["A", None]
    assert boundaries.notes == (
        f"1 feature(s) of {path} have no polygon (1 null), e.g. B: not used",
        f"1 feature(s) of {path} have no code: not used",
    )


def test_file_without_any_polygon_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    path = written(tmp_path, feature("A", {"type": "Point", "coordinates": [0, 0]}), feature("B", None))
    with pytest.raises(RunRefused, match=r"areas.geojson: holds no polygon with a code; .* found only Point, null"):
        read_boundaries(path, "code")


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (square(382_414, 405_857), r"reach \(382414, 405857\), expected WGS84 degrees; convert it, e.g. `ogr2ogr"),
        (collection(square(382_414, 405_857)), "expected WGS84 degrees; convert it"),
        ({"type": "Polygon", "coordinates": [[[0, 0], ["x", 1], [1, 1], [0, 0]]]}, "are not those of a polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [None, 1], [1, 1], [0, 0]]]}, "are not those of a polygon"),
        ({"type": "Polygon", "coordinates": [[[0], [1], [2], [0]]]}, "are not those of a polygon"),
        ({"type": "MultiPolygon", "coordinates": square(0, 0)["coordinates"]}, "are not those of a polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 1], [1, 1]]]}, "expected pairs of finite numbers"),
    ],
)
def test_feature_whose_coordinates_are_unfit_is_refused(
    tmp_path: Path, geometry: dict[str, Any], expected: str
) -> None:
    path = written(tmp_path, feature("A", square(0, 0)), feature("B", geometry))
    with pytest.raises(RunRefused, match=rf"areas.geojson, feature 2: .*{expected}"):
        read_boundaries(path, "code")


def test_one_feature_out_of_range_is_not_called_another_coordinate_system(tmp_path: Path) -> None:
    path = written(tmp_path, *(feature(i, square(i, 0)) for i in range(5)), feature("X", square(1000, 0)))
    with pytest.raises(RunRefused, match=r"feature 6: .*; 5 other feature\(s\) are in degrees, so correct or remove"):
        read_boundaries(path, "code")


@settings(max_examples=60, deadline=None)
@example([(0, 0, 1, "tie"), (0, 0, 2, "tie")])
@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 6), st.sampled_from(["plain", "deep", "tie"])),
        min_size=1,
        max_size=5,
    )
)
def test_point_is_in_an_area_if_it_is_in_any_of_its_parts(parts: list[tuple[int, int, int, str]]) -> None:
    """Against arithmetic: squares and bow ties (two triangles) that overlap as they like, in collections."""
    geometries = [
        {"type": "Polygon", "coordinates": [[[x + size * a, y + size * b] for a, b in TIE]]}
        if kind == "tie"
        else (collection(square(x, y, size)) if kind == "deep" else square(x, y, size))
        for x, y, size, kind in parts
    ]
    shape = read_shape(collection(*geometries)).geometry
    # Such points are on no side and no diagonal.
    longitude, latitude = (axis.ravel() for axis in np.meshgrid(np.arange(-9.9, 16, 0.7), np.arange(-9.83, 16, 0.7)))
    expected = np.zeros(len(longitude), dtype=bool)
    for x, y, size, kind in parts:
        across, up = (longitude - x) / size, (latitude - y) / size
        within = (across > 0) & (across < 1) & (up > 0) & (up < 1)
        lobes = np.abs(up - 0.5) < np.abs(across - 0.5)
        expected |= within & (lobes if kind == "tie" else True)
    assert (shapely.contains_xy(shape, longitude, latitude) == expected).all()


TIE = ((0, 0), (1, 1), (1, 0), (0, 1), (0, 0))
"""Two triangles that meet in the middle of the unit square, to the west and to the east of it."""


@pytest.mark.parametrize("text", ["[" * 9999, "", "LSOA11CD,x\n", "[]", "{}", '{"features": [1]}', '{"features": []}'])
def test_file_that_is_no_geojson_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "areas.geojson"
    path.write_text(text)
    with pytest.raises(RunRefused, match="areas.geojson: (not a GeoJSON|holds no features)"):
        read_boundaries(str(path), "code")
