"""Postcode directories are recognised by their headers and found in what the publisher packs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from postcode_files import LAYOUTS, ONSPD_2017, ONSPD_2023, write_directory
from streetdeciles.errors import RunRefused
from streetdeciles.sources.postcodes import AreaColumns, open_directory, recognise_directory

COLUMNS = {
    "onspd_2017": ("pcds", "doterm", "usertype", "lat", "long", "oslaua"),
    "onspd_2023": ("pcds", "doterm", "usertype", "lat", "long", "oslaua"),
    "onspd_2025": ("pcds", "doterm", "usrtypind", "lat", "long", "lad25cd"),
    "nspl_2019": ("pcds", "doterm", "usertype", "lat", "long", "laua"),
    "nspl_2025": ("pcds", "doterm", "usrtypind", "lat", "long", "lad26cd"),
    "arcgis": ("PCDS", "DOTERM", "USERTYPE", "LAT", "LONG", "OSLAUA"),
}
YEARS = {
    "onspd_2017": {2001, 2011},
    "onspd_2023": {2001, 2011, 2021},
    "onspd_2025": {2011, 2021},
    "nspl_2019": {2011},
    "nspl_2025": {2021},
    "arcgis": {2001, 2011, 2021},
}
ROW = {"postcode": "W9 1AA", "lsoa": "E01004646", "latitude": "51.5", "longitude": "-0.1"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_recognised(layout: str) -> None:
    actual = recognise_directory(LAYOUTS[layout].split(","))
    assert actual is not None
    columns = (actual.postcode, actual.terminated, actual.user_type, actual.latitude, actual.longitude, actual.district)
    assert columns == COLUMNS[layout]
    assert {*actual.areas} == YEARS[layout]


def test_areas_are_those_of_the_year_or_the_newest() -> None:
    actual = recognise_directory(LAYOUTS["onspd_2025"].split(","))
    assert actual is not None
    assert actual.areas_of(2011) == AreaColumns("lsoa11cd", "oa11cd", "msoa11cd")
    assert actual.areas_of(None) == AreaColumns("lsoa21cd", "oa21cd", "msoa21cd")
    assert actual.areas_of(2031) == AreaColumns("lsoa21cd", "oa21cd", "msoa21cd")


def test_newest_edition_of_a_district_is_taken() -> None:
    header = LAYOUTS["onspd_2025"].replace("lad25cd", "lad24cd,lad26cd,lad25cd").split(",")
    actual = recognise_directory(header)
    assert actual is not None
    assert actual.district == "lad26cd"


@pytest.mark.parametrize("columns", [["doterm"], ["lat", "osnrth1m"], ["lsoa11"]])
def test_header_without_a_column_is_not_a_directory(columns: list[str]) -> None:
    header = [column for column in LAYOUTS["nspl_2019"].split(",") if column not in columns]
    assert recognise_directory(header) is None


def test_grid_references_are_taken_where_there_are_no_degrees() -> None:
    actual = recognise_directory([column for column in LAYOUTS["nspl_2019"].split(",") if column != "lat"])
    assert actual is not None
    assert (actual.latitude, actual.longitude, actual.in_degrees) == ("osnrth1m", "oseast1m", False)


def test_other_table_is_refused_with_its_columns(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("postcode,price\nW9 1AA,1\n")
    with pytest.raises(RunRefused, match=r"x.csv: expected the ONS Postcode Directory .* there are postcode, price"):
        open_directory(str(tmp_path / "x.csv"))


def publish(folder: Path) -> Path:
    """The folder as the publisher's zip unpacks: the whole, its parts, and tables that explain codes."""
    data, documents = folder / "Data", folder / "Documents"
    write_directory(data / "ONSPD_AUG_2017_UK.csv", ONSPD_2017, ROW, {**ROW, "postcode": "AB1 0AA"})
    write_directory(data / "multi_csv" / "ONSPD_AUG_2017_UK_AB.csv", ONSPD_2017, {**ROW, "postcode": "AB1 0AA"})
    write_directory(data / "multi_csv" / "ONSPD_AUG_2017_UK_W.csv", ONSPD_2017, ROW)
    documents.mkdir()
    (documents / "LA_UA names and codes UK as at 12_16.csv").write_text("LAD16CD,LAD16NM\nE09000033,Westminster\n")
    (folder / "User Guide.pdf").write_bytes(b"%PDF-1.7")
    return folder


def zipped(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
        file.writestr("__MACOSX/Data/._ONSPD_AUG_2017_UK.csv", b"\x00\x05\x16\x07")
    return archive


def postcodes_in(path: Path) -> list[str]:
    table, columns = open_directory(str(path))
    place = table.header.index(columns.postcode)
    return sorted(cells[place] for _, _, cells in table.rows())


@pytest.mark.parametrize("part", ["", "Data", "Data/multi_csv", "Data/ONSPD_AUG_2017_UK.csv"])
def test_published_folder_and_each_of_its_tables_are_read(tmp_path: Path, part: str) -> None:
    assert postcodes_in(publish(tmp_path / "ONSPD [2017] 12:30") / part) == ["AB1 0AA", "W9 1AA"]


def test_published_zip_is_read(tmp_path: Path) -> None:
    assert postcodes_in(zipped(publish(tmp_path / "ONSPD"))) == ["AB1 0AA", "W9 1AA"]


def test_zip_of_the_whole_table_alone_is_read(tmp_path: Path) -> None:
    folder = publish(tmp_path / "ONSPD")
    for part in (folder / "Data" / "multi_csv").iterdir():
        part.unlink()
    assert postcodes_in(zipped(folder)) == ["AB1 0AA", "W9 1AA"]


def test_parts_of_different_releases_are_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path / "ONSPD")
    write_directory(folder / "Data" / "multi_csv" / "ONSPD_NOV_2023_UK_E.csv", ONSPD_2023, ROW)
    with pytest.raises(RunRefused, match=r"ONSPD.zip, Data/multi_csv/ONSPD_NOV_2023_UK_E.csv: has the columns"):
        open_directory(str(zipped(folder)))


def test_zip_without_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "guide.txt").write_text("")
    with pytest.raises(RunRefused, match="x.zip: holds no CSV file; expected the ONS Postcode Directory"):
        open_directory(str(zipped(tmp_path / "x")))
