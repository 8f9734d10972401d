"""Districts to regions, and the deciles over each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from paths import DATA
from streetdeciles.config import LabelTable, RegionFile
from streetdeciles.errors import RunRefused
from streetdeciles.labels.areas import KnownOutcome, known_outcomes, label_areas, open_tables, read_areas
from streetdeciles.labels.regions import assign_regions
from streetdeciles.sources.lookups import read_lookups

FILE_1 = LabelTable(path=str(DATA / "iod2019" / "File_1_-_IMD2019_Index_of_Multiple_Deprivation.csv"))
FILE_7 = LabelTable(path=str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"))

NAN = float("nan")
BETTER = KnownOutcome("better")

AREAS = pd.DataFrame(
    {
        "district_code": ["D1", "D1", "D2", "D3"],
        "district_name": ["Bury", "Bury", "Bolton", "Brent"],
    },
    index=pd.Index(["A1", "A2", "A3", "A4"], name="area_id"),
)


def test_districts_are_named_by_name_or_code() -> None:
    actual = assign_regions(AREAS, {"north": ["Bury", "D2"], "south": ["Brent"]})
    assert actual.to_dict() == {"A1": "north", "A2": "north", "A3": "north", "A4": "south"}


def test_area_of_no_region_is_not_there() -> None:
    assert assign_regions(AREAS, {"north": ["Bury", "D1"]}).to_dict() == {"A1": "north", "A2": "north"}


def test_all_is_every_area() -> None:
    assert assign_regions(AREAS, {"land": "all"}).to_dict() == dict.fromkeys(AREAS.index, "land")


def test_unknown_district_is_refused_with_near_ones() -> None:
    with pytest.raises(
        RunRefused, match=r"labels.regions.north: no table has a district 'Boltan'; did you mean Bolton"
    ):
        assign_regions(AREAS, {"north": ["Boltan"]})


@pytest.mark.parametrize("second", [["D1"], "all"])
def test_district_in_two_regions_is_refused(second: list[str] | str) -> None:
    with pytest.raises(RunRefused, match=r"district Bury \(D1\) is in both north and other"):
        assign_regions(AREAS, {"north": ["Bury"], "other": second})  # type: ignore[dict-item]


def test_region_without_districts_is_refused() -> None:
    with pytest.raises(RunRefused, match=r"labels.regions.north: names no district"):
        assign_regions(AREAS, {"north": []})


def test_deciles_are_over_the_areas_of_the_region_alone() -> None:
    sources = open_tables([FILE_7])
    areas = read_areas(sources, ["imd"]).frame
    region_of = assign_regions(areas, {"bury": ["Bury"], "westminster": ["E09000033"]})
    labelled = label_areas(areas, region_of, known_outcomes(sources, ["imd"]), ["imd"])
    assert labelled["region"].value_counts().to_dict() == {"westminster": 128, "bury": 120}
    published = pd.read_csv(FILE_7.path, index_col=0)
    for region in ("Bury", "Westminster"):
        rows = published[published["Local Authority District name (2019)"] == region]
        crime = rows["Crime Rank (where 1 is most deprived)"]
        assert labelled.loc[rows.index, "imd_crime_value"].tolist() == crime.tolist()
        assert labelled.loc[rows.index, "imd_crime_decile"].tolist() == (pd.qcut(crime, 10, labels=False) + 1).tolist()


def test_region_of_nine_areas_is_refused_with_the_number() -> None:
    areas = pd.DataFrame({"imd": [float(i) for i in range(9)]}, index=[f"A{i}" for i in range(9)])
    with pytest.raises(RunRefused, match=r"labels.regions.small: has 9 area\(s\); deciles need at least 10"):
        label_areas(areas, pd.Series("small", index=areas.index), {"imd": BETTER}, ["imd"])


@pytest.mark.parametrize(
    ("crime", "expected"),
    [
        ([NAN] * 6 + [float(i) for i in range(6)], r"outcome imd_crime in region bath: 6 area\(s\) have a value"),
        ([0.0] * 6 + [float(i) for i in range(6)], "outcome imd_crime in region bath: more than a tenth of the areas"),
    ],
)
def test_outcome_that_is_not_asked_for_may_lack_deciles(crime: list[float], expected: str) -> None:
    areas = pd.DataFrame({"imd": [float(i) for i in range(12)], "imd_crime": crime}, index=[f"A{i}" for i in range(12)])
    region_of = pd.Series("bath", index=areas.index)
    labelled = label_areas(areas, region_of, {"imd": BETTER, "imd_crime": BETTER}, ["imd"])
    assert labelled["imd_decile"].tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    assert labelled["imd_crime_value"].equals(areas["imd_crime"].rename("imd_crime_value"))
    assert labelled["imd_crime_decile"].isna().all()
    with pytest.raises(RunRefused, match=expected):
        label_areas(areas, region_of, {"imd": BETTER, "imd_crime": BETTER}, ["imd_crime"])


def test_outcome_in_two_tables_is_refused_with_both() -> None:
    with pytest.raises(RunRefused, match=r"outcome imd is in both .*File_7.* and .*File_1"):
        known_outcomes(open_tables([FILE_7, FILE_1]), ["imd"])


def test_outcome_in_two_tables_is_the_first_ones_if_unused(tmp_path: Path) -> None:
    header = "LSOA code (2011),Index of Multiple Deprivation (IMD) Rank,Crime Rank"
    for name, rows in (("a.csv", "E1,1,5\nE2,2,6"), ("b.csv", "E2,9,\nE3,8,7")):
        (tmp_path / name).write_text(f"{header}\n{rows}")
    sources = open_tables([LabelTable(path=str(tmp_path / name)) for name in ("a.csv", "b.csv")])
    assert known_outcomes(sources, [])["imd"].higher_is == "better"
    assert read_areas(sources, []).frame["imd"].to_dict() == {"E1": 1, "E2": 2, "E3": 8}


def test_areas_of_several_tables_are_put_together(tmp_path: Path) -> None:
    header = (
        "LSOA code (2011),LSOA name (2011),Local Authority District code (2019),Local Authority District name (2019)"
    )
    (tmp_path / "a.csv").write_text(f"{header},IMD Rank\nE1,a,D1,Bury,1\nE2,b,D1,Bury,2")
    (tmp_path / "b.csv").write_text(f"{header},Crime Rank\nE2,x,D9,Y,7\nE3,c,D2,Z,8")
    sources = open_tables([LabelTable(path=str(tmp_path / name)) for name in ("a.csv", "b.csv")])
    areas = read_areas(sources, ["imd"]).frame
    assert areas.index.tolist() == ["E1", "E2", "E3"]
    assert areas["district_name"].tolist() == ["Bury", "Bury", "Z"]
    assert areas["imd"].fillna(-1).tolist() == [1, 2, -1]
    assert areas["imd_crime"].fillna(-1).tolist() == [-1, 7, 8]


@pytest.fixture(scope="module")
def england() -> pd.DataFrame:
    return read_areas(open_tables([FILE_7]), []).frame


@pytest.mark.parametrize(
    ("chosen", "n_areas"),
    # Counts of LSOAs of 2011, as the Office for National Statistics gives them.
    [
        ("greater_london", 4_835),
        ("Greater London", 4_835),
        ("E12000007", 4_835),
        (["e12000001"], 1_657),
        ("E12000002", 4_497),
        ("E12000003", 3_317),
        ("E12000004", 2_774),
        ("E12000005", 3_487),
        ("E12000006", 3_614),
        ("E12000008", 5_382),
        ("E12000009", 3_281),
        ("greater_manchester", 1_673),
        (["west_midlands", "Warwick"], 1_680 + 86),
        ("west_yorkshire", 1_388),
        ("all", 32_844),
        ("Bury", 120),
    ],
)
def test_regions_of_england_have_their_areas(england: pd.DataFrame, chosen: str | list[str], n_areas: int) -> None:
    assert len(assign_regions(england, {"x": chosen})) == n_areas


def test_several_presets_are_regions_of_one_run(england: pd.DataFrame) -> None:
    names = ["greater_london", "west_midlands", "greater_manchester", "west_yorkshire"]
    region_of = assign_regions(england, {name: name for name in names})
    assert region_of.value_counts().to_dict() == dict(zip(names, [4_835, 1_680, 1_673, 1_388], strict=True))


def test_preset_of_a_partial_table_is_refused(england: pd.DataFrame) -> None:
    manchester = england[england["district_name"] != "Wigan"]
    with pytest.raises(RunRefused, match="the tables lack 1 of the 10 districts of greater_manchester, e.g. Wigan"):
        assign_regions(manchester, {"gm": "greater_manchester"})


def test_preset_is_found_by_names_of_districts(england: pd.DataFrame) -> None:
    named = england.assign(district_code=None)
    assert len(assign_regions(named, {"gm": "greater_manchester"})) == 1_673
    with pytest.raises(RunRefused, match="the tables have no codes of districts; add a look-up"):
        assign_regions(named, {"london": "E12000007"})


def test_region_code_of_a_lookup_goes_first() -> None:
    areas = AREAS.assign(region_code=["E12000001", "E12000002", None, None])
    assert assign_regions(areas, {"x": "E12000002"}).index.tolist() == ["A2"]


def test_region_without_any_district_is_refused_with_the_way_out() -> None:
    bare = AREAS.assign(district_code=None, district_name=None)
    with pytest.raises(RunRefused, match=r"no table says which district .* add a look-up .* to labels.lookups"):
        assign_regions(bare, {"north": ["Bury"]})
    assert len(assign_regions(bare, {"north": "all"})) == 4


@pytest.mark.parametrize("header", ["area_id", "LSOA11CD,name", "code", "name,lsoa code (2011)"])
def test_region_may_be_a_file_of_areas(tmp_path: Path, header: str) -> None:
    row = "{},x" if header.startswith("LSOA") else "x,{}" if "," in header else "{}"
    (tmp_path / "areas.csv").write_text("\n".join([header, *(row.format(code) for code in (" a1", "A4"))]))
    chosen = RegionFile(file=str(tmp_path / "areas.csv"))
    assert assign_regions(AREAS, {"mine": chosen, "north": ["D2"]}).to_dict() == {
        "A1": "mine",
        "A3": "north",
        "A4": "mine",
    }
    with pytest.raises(RunRefused, match="area A1 is in both mine and north"):
        assign_regions(AREAS, {"mine": chosen, "north": ["Bury"]})


def test_unknown_area_of_a_file_is_refused_by_row(tmp_path: Path) -> None:
    (tmp_path / "areas.csv").write_text("area_id\nA1\nA9\nA8\n")
    with pytest.raises(RunRefused, match=r"areas.csv, row 3: area A9 is in none of labels.tables, and 2 of the 3 rows"):
        assign_regions(AREAS, {"mine": RegionFile(file=str(tmp_path / "areas.csv"))})


def test_districts_follow_from_the_names_of_lsoas(tmp_path: Path) -> None:
    header = "geography,geography code,General health: Total,General health: Bad health,General health: Very bad health"
    rows = "\nBury 021A,E01004941,100,1,2\nKingston upon Hull 001B,E01012345,100,3,4\nHull,E01012346,1,0,0"
    (tmp_path / "health.csv").write_text(header + rows)
    areas = read_areas(open_tables([LabelTable(path=str(tmp_path / "health.csv"))]), []).frame
    assert areas["district_name"].fillna("").tolist() == ["Bury", "Kingston upon Hull", ""]
    assert assign_regions(areas, {"bury": ["Bury"]}).to_dict() == {"E01004941": "bury"}


def test_tables_of_both_census_years_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("LSOA code (2011),IMD Rank\nE01000001,1")
    (tmp_path / "b.csv").write_text("LSOA code (2021),Crime Rank\nE01000001,1")
    with pytest.raises(RunRefused, match=r"a.csv \(LSOAs of 2011\) and .*b.csv \(LSOAs of 2021\) have different areas"):
        open_tables([LabelTable(path=str(tmp_path / name)) for name in ("b.csv", "a.csv")])


def test_what_one_table_lacks_comes_from_others_and_lookups(tmp_path: Path) -> None:
    health = "General health: Total,General health: Bad health,General health: Very bad health"
    texts = {
        "imd.csv": "lsoa21cd,IMD Rank\nE01000001,1\nE01000002,2\nE01000003,3\n",
        "health.csv": f"geography,geography code,{health}\nBury 001A,E01000001,10,1,2\nBolton 002B,E01000004,9,1,2\n",
        "lookup.csv": "LSOA21CD,LSOA21NM,LAD22CD,LAD22NM\nE01000002,Bolton 001A,E08000001,Bolton\nE01000009,x,E08,y\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    sources = open_tables([LabelTable(path=str(tmp_path / name)) for name in ("imd.csv", "health.csv")])
    areas = read_areas(sources, ["imd"], read_lookups([str(tmp_path / "lookup.csv")])).frame
    assert areas.index.tolist() == ["E01000001", "E01000002", "E01000003", "E01000004"]
    assert areas["area_name"].fillna("").tolist() == ["Bury 001A", "Bolton 001A", "", "Bolton 002B"]
    assert areas["district_name"].fillna("").tolist() == ["Bury", "Bolton", "", "Bolton"]
    assert areas["district_code"].fillna("").tolist() == ["", "E08000001", "", "E08000001"]


def test_deciles_that_cannot_be_made_name_file_column_and_region(tmp_path: Path) -> None:
    rows = [f"A{i},D1,{min(i, 8)},40" for i in range(1, 21)]
    (tmp_path / "own.csv").write_text("\n".join(["code,district,poor,all", *rows]))
    poor = {"numerator": "poor", "denominator": "all", "higher_is": "worse"}
    columns = {"area_id": "code", "district": "district", "outcomes": {"poverty": poor}}
    sources = open_tables([LabelTable.model_validate({"path": str(tmp_path / "own.csv"), "columns": columns})])
    areas = read_areas(sources, ["poverty"]).frame
    with pytest.raises(RunRefused) as refused:
        label_areas(areas, assign_regions(areas, {"x": "all"}), known_outcomes(sources, ["poverty"]), ["poverty"])
    where = f"{tmp_path}/own.csv, column 'poor' / 'all': outcome poverty in region x"
    assert str(refused.value).startswith(f"{where}: more than a tenth of the areas have the value 0.2")


def test_deciles_of_the_four_cities_equal_qcut_of_published_ranks() -> None:
    """The paper's regions, computed here by pandas alone from the published table."""
    sources = open_tables([FILE_7])
    areas = read_areas(sources, []).frame
    presets = ("greater_london", "west_midlands", "greater_manchester", "west_yorkshire")
    region_of = assign_regions(areas, {name: name for name in presets})
    labelled = label_areas(areas, region_of, known_outcomes(sources, []), [])
    published = pd.read_csv(FILE_7.path, index_col=0).sort_index()
    district = published["Local Authority District code (2019)"]
    cities = {"greater_london": "E09", "west_yorkshire": "E080000(32|33|34|35|36)"}
    cities |= {"west_midlands": "E080000(25|26|27|28|29|30|31)", "greater_manchester": "E080000(0[1-9]|10)"}
    for region, codes in cities.items():
        rows = published[district.str.match(codes)]
        assert rows.index.tolist() == labelled.index[labelled["region"] == region].tolist()
        for domain, outcome in (("Income", "imd_income"), ("Living Environment", "imd_living_environment")):
            ranks = rows[f"{domain} Rank (where 1 is most deprived)"]
            national = rows[f"{domain} Decile (where 1 is most deprived 10% of LSOAs)"]
            actual = labelled.loc[rows.index]
            assert actual[f"{outcome}_decile"].tolist() == (pd.qcut(ranks, 10, labels=False) + 1).tolist()
            assert actual[f"{outcome}_national_decile"].tolist() == national.tolist()


def test_names_of_the_boundaries_say_the_districts_of_bare_codes(tmp_path: Path) -> None:
    (tmp_path / "imd.csv").write_text("lsoa11cd,IMD Rank\nE01000001,1\nE01000002,2\nE01000003,3\n")
    sources = open_tables([LabelTable(path=str(tmp_path / "imd.csv"))])
    names = {"E01000001": "Bury 001A", "E01000002": "", "E01000009": "Bury 001B"}
    areas = read_areas(sources, ["imd"], names=names).frame
    assert areas["district_name"].fillna("").tolist() == ["Bury", "", ""]
    assert assign_regions(areas, {"x": ["Bury"]}).index.tolist() == ["E01000001"]
