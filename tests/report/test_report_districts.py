"""Districts as context of a map: whose they are, and the outlines and names of districts dissolved from areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from paths import DATA
from streetdeciles.config import Boundaries
from streetdeciles.report.districts import Districts, districts_of_areas, draw_districts
from streetdeciles.report.maps import Outline, draw_map, read_outlines


def areas(**district: str | None) -> pd.DataFrame:
    return pd.DataFrame({"area_id": [*district], "district": [*district.values()]})


def test_districts_are_in_the_names_if_no_location_has_one() -> None:
    names = {"a": "Bury 021A", "b": "St. Helens 001B", "c": "Somewhere"}
    assert districts_of_areas(areas(a=None, b=None, c=None), names) == {"a": "Bury", "b": "St. Helens"}


def test_district_of_locations_holds_for_areas_of_the_same_name() -> None:
    names = {"a": "Bury 021A", "b": "Bury 021B", "c": "Leeds 001A", "d": "Wigan 001A"}
    known = districts_of_areas(areas(a="north", b=None, c="south", d=None), names)
    assert known == {"a": "north", "b": "north", "c": "south"}


def test_codes_of_districts_are_replaced_by_the_names_in_their_areas() -> None:
    names = {"a": "Bury 021A", "b": "Bury 021B", "c": "Leeds 001A"}
    known = districts_of_areas(areas(a="E08000002", b="E08000002", c="E08000035"), names | {"d": ""})
    assert known == {"a": "Bury", "b": "Bury", "c": "Leeds"}
    assert districts_of_areas(areas(d="E08000001", c="E08000035"), names) == {"d": "E08000001", "c": "Leeds"}


def row_of_squares(n: int) -> dict[str, Outline]:
    return {f"a{i}": Outline("", (shapely.box(i, 0, i + 1, 1),)) for i in range(n)}


def drawn_districts(outlines: dict[str, Outline], district_of: dict[str, str]) -> Districts | None:
    drawn = draw_map(outlines, outlines)
    assert drawn is not None
    return draw_districts(drawn, district_of)


def test_borders_of_districts_are_drawn_once_and_inner_ones_not() -> None:
    """Four squares in a row, 8,000 units wide: a rectangle of three and one of one share the border at 24,000."""
    districts = drawn_districts(row_of_squares(4), {"a0": "west", "a1": "west", "a2": "west", "a3": "east"})
    assert districts is not None
    assert districts.names == ["east", "west"]
    lines = [shapely.LineString(border) for border in districts.borders]
    assert sum(line.length for line in lines) == 2 * 32_000 + 3 * 8_000
    shared = shapely.LineString([(24_000, 0), (24_000, 8_000)])
    assert sum(line.intersection(shared).length for line in lines) == 8_000
    inner = shapely.LineString([(8_000, 1), (8_000, 7_999)])
    assert not any(line.intersects(inner) for line in lines)
    (x, y, radius) = districts.labels[0]
    assert (x, y, radius) == pytest.approx((28_000, 4_000, 4_000), rel=0.05)


def test_path_of_borders_draws_the_lines() -> None:
    districts = Districts([], [], [np.array([[0, 0], [5, 0], [5, -3]]), np.array([[7, 7], [8, 9]])])
    assert districts.path == "M0 0l5 0 0-3M7 7l1 2"


def test_name_is_written_where_it_fits() -> None:
    labels = [(100, 200, 5_000), (300, 400, 5_000)]
    assert Districts(["Bury", "A district with a long name"], labels, []).written == [("Bury", 100, 200)]


@pytest.mark.parametrize("district_of", [{}, {"a0": "one"}, {"a0": "one", "a1": "one"}])
def test_map_of_less_than_two_districts_has_none(district_of: dict[str, str]) -> None:
    assert drawn_districts(row_of_squares(2), district_of) is None


def test_gap_between_areas_of_a_district_is_no_border_and_a_lake_is_one() -> None:
    """The west has a sliver of 0.002 by 0.5 along the border to the middle, the east a square hole of 0.2."""
    west = shapely.box(0, 0, 1, 1) - shapely.box(0.998, 0.2, 1, 0.7)
    east = shapely.box(2, 0, 3, 1) - shapely.box(2.4, 0.4, 2.6, 0.6)
    outlines = {
        "a": Outline("", (west,)),
        "b": Outline("", (shapely.box(1, 0, 2, 1),)),
        "c": Outline("", (east,)),
    }
    districts = drawn_districts(outlines, {"a": "one", "b": "one", "c": "two"})
    assert districts is not None
    lines = shapely.MultiLineString([shapely.LineString(border) for border in districts.borders])
    unit = 32_000 / 3
    assert not lines.intersects(shapely.box(0.9 * unit, 0.1 * unit, 1.1 * unit, 0.9 * unit))
    lake = lines.intersection(shapely.box(2.3 * unit, 0.3 * unit, 2.7 * unit, 0.7 * unit))
    assert lake.length == pytest.approx(0.8 * unit, rel=0.01)


def test_districts_cover_all_of_their_areas() -> None:
    """Halves of Westminster's LSOAs: the outlines hold exactly the union of the drawn polygons, on the grid."""
    outlines = read_outlines(Boundaries(path=str(DATA / "boundaries/lsoa11_westminster.geojson")))
    drawn = draw_map(outlines, outlines)
    assert drawn is not None
    district_of = {area_id: "even" if i % 2 else "odd" for i, area_id in enumerate(drawn.polygons)}
    districts = draw_districts(drawn, district_of)
    assert districts is not None
    outer = shapely.union_all([polygon(rings) for polygons in drawn.polygons.values() for rings in polygons])
    lines = shapely.MultiLineString([shapely.LineString(border) for border in districts.borders])
    assert shapely.distance(lines, shapely.boundary(outer).representative_point()) == 0
    assert lines.bounds == outer.bounds


def polygon(rings: list[Any]) -> Any:
    return shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
