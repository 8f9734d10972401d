"""Points in polygons: squares by hand, and Westminster's areas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from paths import DATA
from streetdeciles.errors import RunRefused
from streetdeciles.labels.boundaries import AreaPolygons, fill_areas, read_boundaries

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
    polygons, _ = read_boundaries(path, "code")
    assert areas_at(polygons, (1.5, 0.5), (0.5, 0.5), (0.5, 5.5), (3, 3)) == ["B", "A", "7", None]


def test_point_on_a_border_is_in_the_first_area_by_code_in_any_order_of_the_file(tmp_path: Path) -> None:
    features = [feature("B", square(1, 0)), feature("A", square(0, 0)), feature("C", square(1, 1))]
    for ordered in (features, features[::-1]):
        polygons, _ = read_boundaries(written(tmp_path, *ordered), "code")
        assert areas_at(polygons, (1, 0.5), (1, 1), (2, 1), (2, 2)) == ["A", "A", "B", "C"]


def test_hole_is_outside_and_every_part_of_an_area_is_inside(tmp_path: Path) -> None:
    ring = {"type": "Polygon", "coordinates": [*square(0, 0, 10)["coordinates"], *square(4, 4, 2)["coordinates"]]}
    parts = {"type": "MultiPolygon", "coordinates": [square(20, 0)["coordinates"], square(30, 0)["coordinates"]]}
    path = written(tmp_path, feature("ring", ring), feature("parts", parts), feature("parts", square(40, 0)))
    polygons, _ = read_boundaries(path, "code")
    points = ((5, 5), (1, 1), (20.5, 0.5), (30.5, 0.5), (40.5, 0.5))
    assert areas_at(polygons, *points) == [None, "ring", "parts", "parts", "parts"]


def test_area_without_geometry_is_in_the_file_but_not_drawn(tmp_path: Path) -> None:
    empty = {"type": "Polygon", "coordinates": []}
    path = written(tmp_path, feature("A", None), feature("B", square(0, 0)), feature("C", empty))
    polygons, _ = read_boundaries(path, "code")
    assert polygons.area_ids.tolist() == ["B"]


def test_published_centres_lie_in_their_westminster_areas() -> None:
    features = json.loads(Path(WESTMINSTER).read_text())["features"]
    polygons, _ = read_boundaries(WESTMINSTER, "LSOA11CD", "LSOA11NM")
    places = [(row["properties"]["LONG"], row["properties"]["LAT"]) for row in features]
    found = areas_at(polygons, *places)
    expected = [row["properties"]["LSOA11CD"] for row in features]
    # The published centre of a bent area may lie beside it.
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= 120
    inside = [str(polygon.representative_point().wkt) for polygon in polygons.polygons]
    points = [tuple(map(float, text[7:-1].split())) for text in inside]
    assert areas_at(polygons, *points) == polygons.area_ids.tolist()  # type: ignore[arg-type]


def test_only_rows_without_area_and_with_coordinates_are_filled() -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "area_id": pa.array(["E1", None, None, None], pa.string()),
            "longitude": pa.array([-0.180139, -0.180139, None, 5.0]),
            "latitude": pa.array([51.537426, 51.537426, None, 5.0]),
            "other": pa.array(["a", "b", "c", "d"]),
        }
    )
    _, digest = read_boundaries(WESTMINSTER, "LSOA11CD")
    (filled,) = fill_areas(iter([batch]), WESTMINSTER, "LSOA11CD", digest)
    assert filled.schema == batch.schema
    assert filled.column("area_id").to_pylist() == ["E1", "E01004646", None, None]
    assert filled.column("other").to_pylist() == ["a", "b", "c", "d"]


def test_property_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(RunRefused, match=r"no property 'LSOA21CD' \(labels.boundaries.area_id\); .*LSOA11CD, LSOA11NM"):
        read_boundaries(WESTMINSTER, "LSOA21CD")
    with pytest.raises(RunRefused, match=r"no property 'NAME' \(labels.boundaries.name\); .*LSOA11CD, LSOA11NM"):
        read_boundaries(WESTMINSTER, "LSOA11CD", "NAME")


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        ({"type": "Point", "coordinates": [0, 0]}, "expected a Polygon or MultiPolygon, got Point"),
        (square(382_414, 405_857), "expected WGS84 degrees"),
        ({"type": "Polygon", "coordinates": [[[0, 0], ["x", 1], [1, 1], [0, 0]]]}, "coordinates are no polygon"),
    ],
)
def test_feature_that_is_no_polygon_on_earth_is_refused(
    tmp_path: Path, geometry: dict[str, Any], expected: str
) -> None:
    path = written(tmp_path, feature("A", square(0, 0)), feature("B", geometry))
    with pytest.raises(RunRefused, match=rf"areas.geojson, feature 2: .*{expected}"):
        read_boundaries(path, "code")


@pytest.mark.parametrize("text", ["", "LSOA11CD,x\n", "[]", "{}", '{"features": [1]}', '{"features": []}'])
def test_file_that_is_no_geojson_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "areas.geojson"
    path.write_text(text)
    with pytest.raises(RunRefused, match="areas.geojson: (not a GeoJSON|holds no features)"):
        read_boundaries(str(path), "code")
