"""Districts to regions, and the deciles over each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from paths import DATA
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.labels.areas import known_outcomes, label_areas, open_tables, read_areas
from streetdeciles.labels.regions import assign_regions

FILE_1 = LabelTable(path=str(DATA / "iod2019" / "File_1_-_IMD2019_Index_of_Multiple_Deprivation.csv"))
FILE_7 = LabelTable(path=str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"))

NAN = float("nan")

AREAS = pd.DataFrame(
    {
        "district_code": ["D1", "D1", "D2", "D3"],
        "district_name": ["Bury", "Bury", "Bolton", "Brent"],
    },
    index=pd.Index(["A1", "A2", "A3", "A4"], name="area_id"),
)


def test_districts_are_named_by_name_or_code() -> None:
    found = assign_regions(AREAS, {"north": ["Bury", "D2"], "south": ["Brent"]})
    assert found.to_dict() == {"A1": "north", "A2": "north", "A3": "north", "A4": "south"}


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
        label_areas(areas, pd.Series("small", index=areas.index), {"imd": "better"}, ["imd"])


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
    labelled = label_areas(areas, region_of, {"imd": "better", "imd_crime": "better"}, ["imd"])
    assert labelled["imd_decile"].tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    assert labelled["imd_crime_value"].equals(areas["imd_crime"].rename("imd_crime_value"))
    assert labelled["imd_crime_decile"].isna().all()
    with pytest.raises(RunRefused, match=expected):
        label_areas(areas, region_of, {"imd": "better", "imd_crime": "better"}, ["imd_crime"])


def test_outcome_in_two_tables_is_refused_with_both() -> None:
    with pytest.raises(RunRefused, match=r"outcome imd is in both .*File_7.* and .*File_1"):
        known_outcomes(open_tables([FILE_7, FILE_1]), ["imd"])


def test_outcome_in_two_tables_is_the_first_ones_if_unused(tmp_path: Path) -> None:
    header = "LSOA code (2011),Index of Multiple Deprivation (IMD) Rank,Crime Rank"
    for name, rows in (("a.csv", "E1,1,5\nE2,2,6"), ("b.csv", "E2,9,\nE3,8,7")):
        (tmp_path / name).write_text(f"{header}\n{rows}")
    sources = open_tables([LabelTable(path=str(tmp_path / name)) for name in ("a.csv", "b.csv")])
    assert known_outcomes(sources, [])["imd"] == "better"
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
