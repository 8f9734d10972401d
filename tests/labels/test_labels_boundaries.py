"""Locations by their coordinates, in batches as the executors have them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from paths import DATA
from streetdeciles.geography.boundaries import read_boundaries
from streetdeciles.labels.boundaries import fill_areas, write_polygons

WESTMINSTER = str(DATA / "boundaries" / "lsoa11_westminster.geojson")


def test_only_rows_without_area_and_with_coordinates_are_filled(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "area_id": pa.array(["E1", None, None, None], pa.string()),
            "longitude": pa.array([-0.180139, -0.180139, None, 5.0]),
            "latitude": pa.array([51.537426, 51.537426, None, 5.0]),
            "other": pa.array(["a", "b", "c", "d"]),
        }
    )
    polygons = str(tmp_path / "polygons")
    write_polygons(read_boundaries(WESTMINSTER).polygons, polygons)
    (filled,) = fill_areas(iter([batch]), polygons)
    assert filled.schema == batch.schema
    assert filled.column("area_id").to_pylist() == ["E1", "E01004646", None, None]
    assert filled.column("other").to_pylist() == ["a", "b", "c", "d"]
