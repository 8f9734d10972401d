"""The file of locations: every row is located, or left out with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from paths import DATA
from streetdeciles.config import LocationTable
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import read_boundaries
from streetdeciles.labels.location_table import LocationFile, open_locations
from streetdeciles.labels.locations import count, left_out, located

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WESTMINSTER = str(DATA / "boundaries" / "lsoa11_westminster.geojson")
# 51.537426, -0.180139 is in E01004646, 51.536211, -0.175449 in E01004649.


def located_rows(spark: SparkSession, path: Path, *, boundaries: bool = True) -> DataFrame:
    rows = [("E01004646", "westminster"), ("E01004647", "westminster"), ("E01004649", None)]
    areas = spark.createDataFrame(rows, "area_id string, region string")
    polygons = read_boundaries(WESTMINSTER).polygons if boundaries else None
    source = opened(path)
    with located(source.rows(spark), areas, source, polygons, str(path.parent)) as frame:
        return frame.localCheckpoint()


def opened(path: Path) -> LocationFile:
    return open_locations(LocationTable(path=str(path)))


def written(folder: Path, *lines: str, end: str = "\n") -> Path:
    path = folder / "places.csv"
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def test_each_row_is_placed_or_left_out_with_its_reason(spark: SparkSession, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "\ufefflocation_id,area_id,oa,msoa,latitude,longitude,remark",
        "by point,,OA1,M1,51.537426,-0.180139,",
        "007,E01004647,,,51.537426,-0.180139,area_id wins",
        '"quoted, ""id""", E01004646 ,,,,,',
        "dropped,E01004646,,,99.999999,0.000000,the directory's sign for no place",
        "no place,,,,99.999999,0.000000,",
        "no number,,,,51;5,NaN,",
        "half,,,,51.5,,",
        "sea,,,,50.0,-5.0,",
        "nothing,,,,,,",
        "elsewhere,E01004649,,,,,",
        "point elsewhere,,,,51.536211,-0.175449,",
        "abroad,W01000001,,,,,",
        ",E01004646,,,,,",
        ",E01004646,,,,,",
        "short,E01004646",
        "long,E01004646,,,,,,,",
        "",
    )
    frame = located_rows(spark, path).persist()
    kept = frame.where("reason IS NULL").orderBy("location_id").collect()
    columns = ("location_id", "region", "area_id", "oa", "msoa", "latitude", "longitude")
    assert [tuple(row[name] for name in columns) for row in kept] == [
        ("007", "westminster", "E01004647", None, None, 51.537426, -0.180139),
        ("by point", "westminster", "E01004646", "OA1", "M1", 51.537426, -0.180139),
        ("dropped", "westminster", "E01004646", None, None, None, None),
        ('quoted, "id"', "westminster", "E01004646", None, None, None, None),
    ]
    out = {row["id"]: (row["reason"], row["detail"]) for row in left_out(frame).collect()}
    assert out == {
        "no place": ("bad_coordinates", 'latitude "99.999999" is not a number between -90 and 90 (places.csv)'),
        "no number": ("bad_coordinates", 'latitude "51;5" is not a number between -90 and 90 (places.csv)'),
        "half": ("bad_coordinates", 'longitude "" is not a number between -180 and 180 (places.csv)'),
        "sea": ("outside_boundaries", "no area of the boundaries is at 50.0, -5.0 (places.csv)"),
        "nothing": ("no_area", "the row has no area_id and no coordinates (places.csv)"),
        "elsewhere": ("not_in_region", "area E01004649 is in none of labels.regions (places.csv)"),
        "point elsewhere": ("not_in_region", "area E01004649 is in none of labels.regions (places.csv)"),
        "abroad": ("unknown_area", "area W01000001 is in none of labels.tables (places.csv)"),
        "no location_id, no. 1: E01004646": ("no_location_id", "the row has no location_id (places.csv)"),
        "no location_id, no. 2: E01004646": ("no_location_id", "the row has no location_id (places.csv)"),
        "short": (
            "malformed_row",
            "row 16 has 2 fields where the header has 7: short,E01004646 (places.csv)",
        ),
        "long": (
            "malformed_row",
            "row 17 has 9 fields where the header has 7: long,E01004646,,,,,,, (places.csv)",
        ),
    }
    counts = count(frame, str(path))
    assert (counts.in_file, counts.located, counts.ignored_coordinates) == (16, 4, 1)
    assert sum(counts.left_out.values()) == 12
    frame.unpersist()


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_area_ids_alone_need_no_boundaries(spark: SparkSession, tmp_path: Path, end: str) -> None:
    path = written(tmp_path, "area_id,location_id", "E01004646,0001", ",0002", end=end)
    frame = located_rows(spark, path, boundaries=False)
    rows = {row["location_id"]: (row["area_id"], row["region"], row["reason"]) for row in frame.collect()}
    assert rows == {"0001": ("E01004646", "westminster", None), "0002": (None, None, "no_area")}


def test_location_id_that_appears_twice_is_refused_with_an_example(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path, "location_id,area_id", "b,E01004646", "a,E01004646", " a,W1", "b,", "b,E01004647")
    with pytest.raises(RunRefused, match=r"places.csv: location_id 'a' appears more than once, and 3 row\(s\)"):
        count(located_rows(spark, path, boundaries=False), str(path))


def test_row_without_an_id_is_not_taken_for_the_location_of_that_name(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("location_id,area_id\nE01004646,E01004646\n,E01004646\n")
    assert count(located_rows(spark, path, boundaries=False), str(path)).left_out == {"no_location_id": 1}


def test_file_without_a_location_in_the_regions_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path, "location_id,area_id", "a,E01004649", "b,X", "c,Y")
    with pytest.raises(RunRefused, match=r"none of its locations .*\(1 not_in_region, 2 unknown_area\)"):
        count(located_rows(spark, path, boundaries=False), str(path))
    path = written(tmp_path, "location_id,area_id")
    with pytest.raises(RunRefused, match="it has no rows"):
        count(located_rows(spark, path, boundaries=False), str(path))


@pytest.mark.parametrize("header", ["postcode,area_id", "location_id,latitude", "area_id"])
def test_missing_columns_are_refused_with_those_that_are_there(tmp_path: Path, header: str) -> None:
    path = written(tmp_path, header, "1,2")
    known_columns = ", ".join(header.split(","))
    with pytest.raises(
        RunRefused, match=f"places.csv: expected the columns location_id and area_id.*there are {known_columns}[.] "
    ):
        opened(path)


def test_column_that_appears_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="column msoa appears twice"):
        opened(written(tmp_path, "location_id,area_id,MSOA,msoa", "1,2,3,4"))


def test_columns_that_are_not_read_may_appear_twice(tmp_path: Path) -> None:
    table = opened(written(tmp_path, "location_id,area_id,note,Note,note", "1,2,3,4,5")).table
    assert table.header == ("location_id", "area_id", "column 3", "column 4", "column 5")
