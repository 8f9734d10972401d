"""Locations by coordinates: columns by usual or configured names, in degrees or in any reference system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyproj
import pytest

from paths import DATA
from small_run import COORDINATES, LOCATION_IDS, SmallRun
from streetdeciles.config import LocationTable
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import read_boundaries
from streetdeciles.labels.location_table import open_locations
from streetdeciles.labels.locations import left_out, located

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WESTMINSTER = str(DATA / "boundaries" / "lsoa11_westminster.geojson")

# SW1A 1AA in the ONS Postcode Directory: 529090, 179645; 51.501009, -0.141588.


def located_rows(spark: SparkSession, folder: Path, text: str, **section: Any) -> DataFrame:
    (folder / "places.csv").write_text(text)
    source = open_locations(LocationTable(path=str(folder / "places.csv"), **section))
    polygons = read_boundaries(WESTMINSTER).polygons
    areas = spark.createDataFrame([(code, "w") for code in polygons.area_ids], "area_id string, region string")
    with located(source.rows(spark), areas, source, polygons, str(folder)) as frame:
        return frame.localCheckpoint()


HEADERS = {
    "location_id,latitude,longitude": {},
    "LOCATION_ID,Lat,LNG": {},
    "location_id,lat,long": {},
    "location_id,y,x": {},
    "location_id,Y,Lon": {},
    "photo,north,east": {"location_id": "photo", "latitude": "North", "longitude": "EAST"},
}


@pytest.mark.parametrize("header", HEADERS)
def test_columns_are_found_by_usual_or_configured_names(spark: SparkSession, tmp_path: Path, header: str) -> None:
    (row,) = located_rows(spark, tmp_path, f"{header}\n0012,51.537426,-0.180139\n", **HEADERS[header]).collect()
    assert (row["location_id"], row["area_id"], row["latitude"], row["reason"]) == (
        "0012",
        "E01004646",
        51.537426,
        None,
    )


@pytest.mark.parametrize(
    ("header", "section"),
    [
        ("location_id,easting,northing", {}),
        ("location_id,X,Y", {}),
        ("location_id,oseast1m,osnrth1m", {}),
        ("location_id,East,North", {"easting": "East", "northing": "North"}),
    ],
)
def test_grid_references_are_located(spark: SparkSession, tmp_path: Path, header: str, section: dict[str, str]) -> None:
    text = f"{header}\npalace,529090,0179645\nnowhere,1e8,1e8\nwrong,A,1\nfar,9e9,1\n"
    frame = located_rows(spark, tmp_path, text, crs="EPSG:27700", **section)
    rows = {row["location_id"]: row for row in frame.collect()}
    palace = rows["palace"]
    assert palace["latitude"] == pytest.approx(51.501009, abs=4e-5)
    assert palace["longitude"] == pytest.approx(-0.141588, abs=4e-5)
    assert (palace["region"], palace["reason"]) == ("w", None)
    out = {row["id"]: (row["reason"], row["detail"]) for row in left_out(frame).collect()}
    assert out["wrong"] == ("bad_coordinates", 'easting "A" is not a number (places.csv)')
    assert out["far"] == ("bad_coordinates", 'easting "9e9" is not a number (places.csv)')
    assert out["nowhere"][0] in ("bad_coordinates", "outside_boundaries")


def test_points_outside_of_their_crs_are_named(spark: SparkSession, tmp_path: Path) -> None:
    text = "location_id,x,y\nfar,1e8,1e8\n"
    (row,) = left_out(located_rows(spark, tmp_path, text, crs="ESRI:54009")).collect()
    assert row["detail"] == "easting 1e+08 and northing 1e+08 are outside of ESRI:54009 (places.csv)"


def test_degrees_of_another_datum_are_moved(spark: SparkSession, tmp_path: Path) -> None:
    """On the datum of the old British maps, OSGB36, the same point has other degrees, by some 100 m."""
    transformer = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:4277", always_xy=True)
    x, y = transformer.transform(-0.141588, 51.501009)
    (row,) = located_rows(spark, tmp_path, f"location_id,lat,lon\na,{y},{x}\n", crs="EPSG:4277").collect()
    assert abs(x + 0.141588) > 1e-3
    assert (row["latitude"], row["longitude"]) == pytest.approx((51.501009, -0.141588), abs=1e-7)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"latitude": "latitud"}, r"has no column 'latitud' \(labels.locations.latitude\); there are id, lat, lon"),
        ({}, "expected the columns location_id and area_id, or location_id, latitude and longitude; there are id"),
        ({"location_id": "id", "crs": "EPSG:27700"}, "or location_id, northing and easting; there are id, lat, lon"),
        ({"location_id": "id", "crs": "EPSG:1"}, "labels.locations.crs: 'EPSG:1' is not a known coordinate reference"),
    ],
)
def test_unfit_columns_are_refused(tmp_path: Path, section: dict[str, str], expected: str) -> None:
    (tmp_path / "places.csv").write_text("id,lat,lon\n1,2,3\n")
    with pytest.raises(RunRefused, match=expected):
        open_locations(LocationTable(path=str(tmp_path / "places.csv"), **section))


def test_one_column_may_be_id_and_area(spark: SparkSession, tmp_path: Path) -> None:
    text = "LSOACD,latitude,longitude\nE01004646,51.537426,-0.180139\n"
    (row,) = located_rows(spark, tmp_path, text, location_id="LSOACD", area_id="LSOACD").collect()
    assert (row["location_id"], row["area_id"], row["reason"]) == ("E01004646", "E01004646", None)


def test_run_locates_grid_references_in_a_shapefile(small_run: SmallRun) -> None:
    """The same areas as with degrees and GeoJSON; 2 m of difference between the transformations move no point."""
    import geopandas

    areas = geopandas.read_file(WESTMINSTER)[["LSOA11CD", "LSOA11NM", "geometry"]]
    areas.to_crs("EPSG:27700").to_file(small_run.folder / "areas.shp")
    assert small_run.main("run", "--to", "labels") == 0
    expected = small_run.table("locations").set_index("location_id")["area_id"].sort_index()
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True)
    lines = [
        "{},{:.0f},{:.0f}".format(name, *to_grid.transform(longitude, latitude))
        for name, (latitude, longitude) in zip(LOCATION_IDS, COORDINATES, strict=True)
    ]
    (small_run.folder / "grid.csv").write_text("\n".join(["ref,easting,northing", *lines, ""]))
    small_run.set(
        work_dir="again",
        labels={
            "locations": {"path": "grid.csv", "location_id": "ref", "crs": "EPSG:27700"},
            "boundaries": {"path": "areas.shp"},
        },
    )
    assert small_run.main("run", "--to", "labels") == 0
    import pandas as pd

    actual = pd.read_parquet(small_run.folder / "again" / "locations").set_index("location_id")["area_id"].sort_index()
    assert actual.to_dict() == expected.to_dict()
    assert [*actual.index] == [*LOCATION_IDS]
