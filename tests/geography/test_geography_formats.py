"""Boundaries in every format and coordinate reference system give the areas of the GeoJSON that they were made from."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import geopandas
import numpy as np
import pytest
import shapely

from paths import DATA
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import check_properties, read_boundaries

WESTMINSTER = DATA / "boundaries" / "lsoa11_westminster.geojson"
SUFFIXES = (".gpkg", ".shp", ".fgb", ".parquet", ".geojson")


def frame_of(crs: str = "EPSG:27700", **renamed: str) -> geopandas.GeoDataFrame:
    frame = geopandas.read_file(WESTMINSTER)[["LSOA11CD", "LSOA11NM", "geometry"]]
    return frame.rename(columns=renamed).to_crs(crs)


def save(frame: geopandas.GeoDataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".geojson":  # GDAL would write WGS84; older programs write the CRS into the file
        content = json.loads(frame.to_json(drop_id=True))
        name = f"urn:ogc:def:crs:EPSG::{frame.crs.to_epsg()}"
        path.write_text(json.dumps({**content, "crs": {"type": "name", "properties": {"name": name}}}))
    else:
        frame.to_file(path)
    return path


def zipped(path: Path, folder: str = "") -> Path:
    """A zip of the file with those that belong to it, as publishers pack shapefiles."""
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for part in path.parent.glob(f"{path.stem}.*"):
            if part != archive:
                file.write(part, f"{folder}{part.name}")
        file.writestr(f"{folder}{path.stem}.shp.xml", "<metadata/>")
        file.writestr(f"__MACOSX/{folder}._{path.name}", "")
    return archive


def assert_same_areas(path: Path | str) -> None:
    """Every point of a grid over Westminster is in the area of the original, but within 3 m of a border."""
    expected, actual = read_boundaries(str(WESTMINSTER)), read_boundaries(str(path))
    assert actual.polygons.area_ids.tolist() == expected.polygons.area_ids.tolist()
    assert actual.names == expected.names
    east, north = (axis.ravel() for axis in np.meshgrid(np.linspace(-0.22, -0.11, 60), np.linspace(51.48, 51.54, 60)))
    borders = shapely.union_all(shapely.boundary(expected.polygons.polygons))
    inner = shapely.distance(borders, shapely.points(east, north)) > 5e-5
    assert (
        actual.polygons.areas_at(east[inner], north[inner]).tolist()
        == expected.polygons.areas_at(east[inner], north[inner]).tolist()
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("crs", ["EPSG:27700", "EPSG:3857", "EPSG:4326"])
def test_format_and_crs_make_no_difference(tmp_path: Path, suffix: str, crs: str) -> None:
    assert_same_areas(save(frame_of(crs), tmp_path / f"areas{suffix}"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_zip_of_any_format_is_read(tmp_path: Path, suffix: str) -> None:
    assert_same_areas(zipped(save(frame_of(), tmp_path / f"LSOA (2011)_BGC{suffix}"), "download/"))


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".parquet"])
def test_file_on_an_object_store_is_read(tmp_path: Path, suffix: str) -> None:
    save(frame_of(), tmp_path / f"areas{suffix}")
    store = fsspec.filesystem("memory")
    for part in tmp_path.iterdir():
        store.pipe_file(f"/boundaries{suffix}/{part.name}", part.read_bytes())
    try:
        assert_same_areas(f"memory://boundaries{suffix}/areas{suffix}")
    finally:
        store.rm(f"/boundaries{suffix}", recursive=True)


@pytest.mark.parametrize(
    "name", ["a?b.gpkg", "[1]#%20.gpkg", "GPKG:a.gpkg", "x.zip!a.gpkg", "a::b|layername=c", "ü.shp"]
)
def test_name_of_a_file_means_that_file(tmp_path: Path, name: str) -> None:
    saved = save(frame_of(), tmp_path / f"saved{Path(name).suffix if name.endswith('shp') else '.gpkg'}")
    (tmp_path / "odd").mkdir()
    stem = name.removesuffix(".shp")
    for part in tmp_path.glob(f"{saved.stem}.*"):
        shutil.copy(part, tmp_path / "odd" / (f"{stem}{part.suffix}" if name.endswith("shp") else name))
    assert_same_areas(tmp_path / "odd" / name)


def test_shapefile_in_capital_letters_is_read(tmp_path: Path) -> None:
    save(frame_of(), tmp_path / "areas.shp")
    for part in [*tmp_path.iterdir()]:
        part.rename(tmp_path / f"AREAS{part.suffix.upper()}")
    assert_same_areas(tmp_path / "AREAS.SHP")


@pytest.mark.parametrize(
    ("code", "name"),
    [("lsoa11cd", "lsoa11nm"), ("LSOA21CD", "LSOA21NM"), ("DataZone", "Name"), ("GEOID", "NAMELSAD"), ("Code", "NAME")],
)
def test_usual_names_of_properties_are_found(tmp_path: Path, code: str, name: str) -> None:
    actual = read_boundaries(str(save(frame_of(LSOA11CD=code, LSOA11NM=name), tmp_path / "areas.gpkg")))
    assert actual.code_property == code
    assert actual.names["E01004646"] == "Westminster 002A"


def test_configured_property_may_differ_in_case_only(tmp_path: Path) -> None:
    path = str(save(frame_of(LSOA11CD="Tract", LSOA11NM="Called"), tmp_path / "areas.gpkg"))
    assert read_boundaries(path, "TRACT", "called").names["E01004646"] == "Westminster 002A"
    with pytest.raises(RunRefused, match=r"usual names of an area's code .* properties are Tract, Called"):
        read_boundaries(path)
    with pytest.raises(RunRefused, match=r"no feature has the property 'id' \(labels.boundaries.area_id\)"):
        check_properties(path, "id", None)


def test_several_codes_are_refused_by_name(tmp_path: Path) -> None:
    frame = frame_of().assign(LSOA21CD="E01000001")
    with pytest.raises(RunRefused, match="LSOA11CD and LSOA21CD may both hold an area's code; name the one"):
        read_boundaries(str(save(frame, tmp_path / "areas.gpkg")))


def test_whole_numbers_as_codes_have_no_decimals(tmp_path: Path) -> None:
    frame = frame_of().assign(LSOA11CD=range(128))
    frame["LSOA11CD"] = frame["LSOA11CD"].astype("Int64").mask(frame.index == 5)
    actual = read_boundaries(str(save(frame, tmp_path / "areas.gpkg")))
    assert {*actual.polygons.area_ids} == {str(number) for number in range(128) if number != 5}
    assert actual.notes == (f"1 feature(s) of {tmp_path}/areas.gpkg have no LSOA11CD: not used",)


def test_layer_with_the_codes_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "areas.gpkg"
    frame = frame_of()
    frame.assign(geometry=frame.representative_point()).to_file(path, layer="points")
    frame[["geometry"]].to_file(path, layer="bare")
    frame.to_file(path, layer="areas")
    assert_same_areas(path)
    frame.to_file(path, layer="again")
    with pytest.raises(RunRefused, match=r"expected one layer of polygons .* found 2 .*'bare', 'areas', 'again'"):
        read_boundaries(str(path))


def geometries() -> list[Any]:
    tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    square = shapely.box(10, 0, 11, 1)
    line = shapely.LineString([(0, 0), (9, 9)])
    return [tie, shapely.GeometryCollection([square, line]), line, None, shapely.Polygon()]


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_invalid_and_missing_polygons_are_repaired_and_counted(tmp_path: Path, suffix: str) -> None:
    frame = geopandas.GeoDataFrame({"code": [*"ABCDE"]}, geometry=geometries(), crs="EPSG:4326")
    path = save(frame, tmp_path / f"areas{suffix}")
    actual = read_boundaries(str(path))
    points = np.array([(0.2, 1), (1.8, 1), (1, 0.2), (10.5, 0.5), (5, 5)]).T
    assert actual.polygons.areas_at(*points).tolist() == ["A", "A", None, "B", None]
    missing, repaired = actual.notes
    assert missing.startswith(f"3 feature(s) of {path} have no polygon (1 LineString, ")
    assert repaired.startswith(f"1 feature(s) of {path} have rings that cross")


@pytest.mark.filterwarnings("ignore:.crs. was not provided")
def test_file_without_crs_is_refused_unless_in_degrees(tmp_path: Path) -> None:
    frame = frame_of()
    frame = frame.set_crs(None, allow_override=True)
    with pytest.raises(RunRefused, match="feature 1: coordinates reach .* expected WGS84 degrees"):
        read_boundaries(str(save(frame, tmp_path / "grid.shp")))
    frame = frame_of("EPSG:4326")
    frame = frame.set_crs(None, allow_override=True)
    assert_same_areas(save(frame, tmp_path / "degrees.shp"))


def test_unknown_crs_of_geojson_is_refused(tmp_path: Path) -> None:
    path = save(frame_of(), tmp_path / "areas.geojson")
    path.write_text(path.read_text().replace("EPSG::27700", "EPSG::99999999"))
    with pytest.raises(RunRefused, match="its coordinate reference system .*99999999' is unknown"):
        read_boundaries(str(path))


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".shp", ".zip"])
@pytest.mark.parametrize("kept", [20, 2000])
def test_file_that_is_cut_short_is_refused(tmp_path: Path, suffix: str, kept: int) -> None:
    source = save(frame_of(), tmp_path / f"areas{'.shp' if suffix == '.zip' else suffix}")
    path = zipped(source) if suffix == ".zip" else source
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RunRefused, match="areas"):
        read_boundaries(str(path))


def test_shapefile_without_its_parts_is_refused(tmp_path: Path) -> None:
    path = save(frame_of(), tmp_path / "areas.shp")
    (tmp_path / "areas.dbf").unlink()
    with pytest.raises(RunRefused, match=r"areas.shp: the shapefile has no .dbf beside it; copy all of its files"):
        read_boundaries(str(path))


def test_archive_of_several_files_is_refused_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "areas.zip", "w") as file:
        file.writestr("a.geojson", "{}")
        file.writestr("b.gpkg", "")
    with pytest.raises(RunRefused, match=r"with 2 files of boundaries \('a.geojson', 'b.gpkg'\); expected one"):
        read_boundaries(str(tmp_path / "areas.zip"))


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match=r"is not a regular file; .* the .shp of a shapefile's folder"):
        read_boundaries(str(tmp_path))


def test_points_are_in_the_areas_that_geopandas_finds() -> None:
    polygons = geopandas.read_file(WESTMINSTER)
    random = np.random.default_rng(3)
    east, north = random.uniform(-0.22, -0.11, 3000), random.uniform(51.48, 51.54, 3000)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(east, north), crs=polygons.crs)
    joined = geopandas.sjoin(points, polygons, predicate="intersects", how="left")
    expected = [code if isinstance(code, str) else None for code in joined["LSOA11CD"]]
    assert read_boundaries(str(WESTMINSTER)).polygons.areas_at(east, north).tolist() == expected
    assert 0.2 < np.mean([code is not None for code in expected]) < 0.9
