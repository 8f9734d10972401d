"""The locations of the demo city: seeded points in a district's real areas, with the areas' real deciles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo_city.photograph import Place
from demo_city.traits import OUTCOMES
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import pandas as pd

AREA_ID = "LSOA11CD"
DECIMALS = 6
"""Decimals of a coordinate in degrees: 0.1 m."""


@dataclass(frozen=True)
class Location:
    """A place to be drawn, and where it lies (degrees, WGS84)."""

    place: Place
    latitude: float
    longitude: float


def find_locations(table: str, boundaries: str, district: str, *, locations_per_area: int, seed: int) -> list[Location]:
    """`locations_per_area` points in each area of the district, in order of area; the same for the same seed.

    `table` is the IoD 2019 File 7, `boundaries` a GeoJSON of LSOAs of 2011. RunRefused where the district is not in the
    table, or one of its areas not in the boundaries.
    """
    from streetdeciles.geography.boundaries import read_boundaries
    from streetdeciles.labels.deciles import deciles
    from streetdeciles.sources.opening import open_source
    from streetdeciles.sources.reading import read_source

    published = read_source(open_source(LabelTable(path=table)))
    for why in published.unfit.values():
        raise RunRefused(why)
    areas = _areas_of(published.areas, table, district)
    ranked = {
        name: deciles(areas[name], higher_is="better", outcome=name, region=district).to_list() for name in OUTCOMES
    }
    polygons = read_boundaries(boundaries, AREA_ID).polygons
    of_area: dict[str, list[object]] = {}
    for area_id, polygon in zip(polygons.area_ids, polygons.polygons, strict=True):
        of_area.setdefault(area_id, []).append(polygon)
    missing = [area_id for area_id in areas["area_id"] if area_id not in of_area]
    if missing:
        raise RunRefused(
            f"{boundaries}: {len(missing)} of the {len(areas)} areas of {district} are not there, e.g. {missing[0]}; "
            "give the boundaries of the LSOAs of 2011 that cover the district"
        )
    chosen = []
    for i, area_id in enumerate(areas["area_id"]):
        own = {name: int(values[i]) for name, values in ranked.items()}
        points = _points_in(of_area[area_id], locations_per_area, seed, area_id)
        for number, (longitude, latitude) in enumerate(points, start=1):
            chosen.append(Location(Place(f"{area_id}-{number}", area_id, own), latitude, longitude))
    return chosen


def _areas_of(frame: pd.DataFrame, table: str, district: str) -> pd.DataFrame:
    areas = frame[(frame["district_name"] == district) | (frame["district_code"] == district)]
    if areas.empty:
        raise RunRefused(
            f"{table}: no area is in the district {district!r}; give its name or code as it stands in the table"
        )
    return areas.sort_values("area_id", ignore_index=True)


def _points_in(polygons: Sequence[object], count: int, seed: int, area_id: str) -> list[tuple[float, float]]:
    """Points (longitude, latitude) inside the polygons of an area, evenly by chance."""
    import shapely

    whole = shapely.union_all(polygons)
    shapely.prepare(whole)
    west, south, east, north = whole.bounds
    rng = np.random.default_rng(np.random.SeedSequence([seed, *area_id.encode()]))
    points: list[tuple[float, float]] = []
    while len(points) < count:
        x, y = rng.uniform((west, south), (east, north)).round(DECIMALS).tolist()
        if shapely.contains_xy(whole, x, y):
            points.append((x, y))
    return points
