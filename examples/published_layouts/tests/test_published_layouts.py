"""The invented files have the published layouts, agree with each other, and come out the same every time."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from published_layouts.__main__ import main

AREAS = 40


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("studies")
    for study in ("london_2011", "england_2021"):
        assert main([study, "--out", str(folder / study), "--areas", str(AREAS)]) == 0
    return {study: folder / study for study in ("london_2011", "england_2021")}


def test_london_has_the_same_areas_in_all_sources(studies: dict[str, Path]) -> None:
    london = studies["london_2011"]
    deprivation = pd.read_csv(london / "File_7_ID_2015.csv", encoding="utf-8-sig")
    census = pd.read_csv(london / "infuse_general_health.csv", skiprows=[1], index_col=False)
    income = pd.read_csv(london / "modelled-household-income-estimates-lsoa.csv", encoding="cp1252")
    postcodes = pd.read_csv(london / "ONSPD_AUG_2017_UK.csv", dtype=str)
    areas = set(deprivation["LSOA code (2011)"])

    assert len(areas) == AREAS
    assert set(census.loc[census["GEO_TYP2"] == "LSOADZ", "GEO_CODE"]) == areas
    assert set(income["Code"]) == areas
    assert income["Mean 2012/13"].str.match(r"£\d\d,\d{3}|£1\d\d,\d{3}").all()
    assert set(postcodes["lsoa11"]) == areas
    assert postcodes["pcd"].str.len().eq(7).all()
    assert postcodes["pcd"].is_unique
    assert (postcodes["doterm"].notna().sum(), (postcodes["lat"] == "99.999999").sum()) != (0, 0)


def test_england_has_grid_references_inside_its_boundaries(studies: dict[str, Path]) -> None:
    england = studies["england_2021"]
    boundaries = geopandas.read_file(england / "LSOA_2021_EW_BGC.gpkg").set_index("LSOA21CD")
    parts = sorted((england / "multi_csv").glob("*.csv"))
    postcodes = pd.concat(pd.read_csv(part, dtype=str) for part in parts).dropna(subset="east1m")
    points = shapely.points(postcodes["east1m"].astype(float), postcodes["north1m"].astype(float))

    assert boundaries.crs == "EPSG:27700"
    assert shapely.contains(boundaries.geometry.loc[postcodes["lsoa21cd"]].to_numpy(), points).all()
    for table in ("ts037", "ts053", "ts066", "ts067"):
        census = pd.read_csv(england / f"census2021-{table}-lsoa.csv")
        assert set(census["geography code"]) == set(boundaries.index)
        assert (census.iloc[:, 4:].sum(axis=1) == census.iloc[:, 3]).all()


def test_each_listed_location_has_four_photographs(studies: dict[str, Path]) -> None:
    listed = pd.read_csv(studies["london_2011"] / "photographed.csv", dtype=str)
    with tarfile.open(studies["london_2011"] / "photographs" / "000.tgz") as archive:
        names = archive.getnames()
        first = archive.extractfile(names[0])
        assert first is not None
        picture = Image.open(BytesIO(first.read()))

    assert len(listed) == 2 * AREAS
    assert set(names) == {f"{img_id}_{view}.png" for img_id in listed["img_id"] for view in "abcd"}
    assert (picture.mode, picture.size) == ("RGB", (80, 64))


def test_photographs_show_how_green_the_surroundings_are(studies: dict[str, Path]) -> None:
    london = studies["london_2011"]
    listed = pd.read_csv(london / "photographed.csv", dtype=str)
    area_of = pd.read_csv(london / "ONSPD_AUG_2017_UK.csv", dtype=str).set_index("pcd")["lsoa11"]
    rank = pd.read_csv(london / "File_7_ID_2015.csv", encoding="utf-8-sig").set_index("LSOA code (2011)")
    green: dict[str, list[float]] = {}
    with tarfile.open(london / "photographs" / "000.tgz") as archive:
        for pcd, img_id in zip(listed["pcd"], listed["img_id"], strict=True):
            for view in "abcd":
                file = archive.extractfile(f"{img_id}_{view}.png")
                assert file is not None
                pixels = np.asarray(Image.open(file), dtype=float)
                green.setdefault(area_of[pcd], []).append((pixels[..., 1] > 1.4 * pixels[..., 0]).mean())
    column = "Living Environment Rank (where 1 is most deprived)"
    pairs = pd.DataFrame(
        {area: {"green": np.mean(values), "rank": rank[column][area]} for area, values in green.items()}
    )

    assert pairs.T.corr(method="spearman").loc["green", "rank"] > 0.5


def test_same_seed_gives_the_same_files(studies: dict[str, Path], tmp_path: Path) -> None:
    assert main(["london_2011", "--out", str(tmp_path), "--areas", str(AREAS)]) == 0

    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".tgz"]
    assert len(files) == 9
    for file in files:
        assert (tmp_path / file).read_bytes() == (studies["london_2011"] / file).read_bytes()


def test_folder_of_other_data_is_refused(studies: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["london_2011", "--out", str(studies["london_2011"]), "--areas", "50"]) == 2

    assert "holds other data; remove it" in capsys.readouterr().err
