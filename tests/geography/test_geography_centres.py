"""Centres of areas, and distances in metres between them."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from streetdeciles.geography.centres import centre_coordinates, merged_polygons, to_metres

CITIES = {"London": (-0.1276, 51.5072), "Leeds": (-1.5491, 53.8008), "Plymouth": (-4.1427, 50.3755)}


def test_distances_are_metres_on_the_ellipsoid() -> None:
    points = shapely.points([*CITIES.values()])
    plane = to_metres(points)
    geod = pyproj.Geod(ellps="WGS84")
    for i, j in ((0, 1), (0, 2), (1, 2)):
        _, _, metres = geod.inv(*points[i].coords[0], *points[j].coords[0])
        assert shapely.distance(plane[i], plane[j]) == pytest.approx(metres, rel=1e-3)


def test_areas_beside_the_date_line_are_neighbours() -> None:
    plane = to_metres(shapely.points([(179.99, -17.0), (-179.99, -17.0)]))
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(179.99, -17.0, -179.99, -17.0)
    assert shapely.distance(*plane) == pytest.approx(metres, rel=1e-4)


def test_centres_are_whole_metres_of_the_centroids() -> None:
    shapes = [shapely.box(0, 0, 10, 4), shapely.Point(7.4, -2.6)]
    assert centre_coordinates(shapes).tolist() == [[5, 2], [7, -3]]


def test_polygons_of_one_owner_become_one_shape() -> None:
    squares = np.array([shapely.box(x, 0, x + 1, 1) for x in range(4)], dtype=object)
    two = shapely.multipolygons(squares[2:])
    merged = merged_polygons(np.array([squares[0], squares[1], two], dtype=object), np.array([2, 0, 2]), 4)
    assert [None if shape is None else shape.area for shape in merged] == [1.0, None, 3.0, None]
