"""Look-ups of the ONS: areas of output areas, districts of areas, and areas of 2011 in those of 2021."""

from __future__ import annotations

from pathlib import Path

import pytest

from streetdeciles.errors import RunRefused
from streetdeciles.sources.lookups import Lookups, read_lookups

OA_11 = (
    "OA11CD,LSOA11CD,LSOA11NM,MSOA11CD,MSOA11NM,LAD11CD,LAD11NM,LAD11NMW,ObjectId\n"
    "E00000001,E01000001,City of London 001A,E02000001,City of London 001,E09000001,City of London,,1\n"
    "E00000002,e01000001 ,City of London 001A,E02000001,City of London 001,E09000001,City of London,,2\n"
    "W00000001,W01000001,Ynys Môn 007A,W02000001,Ynys Môn 007,W06000001,Isle of Anglesey,Ynys Môn,3\n"
)
REGIONS = "LSOA21CD,LSOA21NM,LAD22CD,LAD22NM,RGN22CD,RGN22NM\nE01000001,City of London 001A,E0X,X,E12000007,London\n"
CHANGES = (
    "LSOA11CD,LSOA11NM,CHGIND,LSOA21CD,LSOA21NM,LAD22CD,LAD22NM,LAD22NMW,ObjectId\n"
    "E01000001,a,U,E01000001,a,E09000001,City of London,,1\n"
    "E01000002,b,S,E01033770,b1,E09000001,City of London,,2\n"
    "E01000002,b,S,E01033771,b2,E09000001,City of London,,3\n"
    "E01000003,c,M,E01033780,cd,E09000001,City of London,,4\n"
    "E01000004,d,M,E01033780,cd,E09000001,City of London,,5\n"
)


def lookups(folder: Path, *texts: str) -> Lookups:
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(f"\ufeff{text}", encoding="utf-8")
    return read_lookups([str(folder / f"{number}.csv") for number in range(len(texts))])


def test_output_areas_lead_to_areas_and_districts(tmp_path: Path) -> None:
    actual = lookups(tmp_path, OA_11)
    assert actual.output_areas.set_index("oa")["area_id"].to_dict() == {
        "E00000001": "E01000001",
        "E00000002": "E01000001",
        "W00000001": "W01000001",
    }
    anglesey = actual.areas.loc["W01000001"]
    assert anglesey.dropna().tolist() == ["Ynys Môn 007A", "W02000001", "W06000001", "Isle of Anglesey"]
    assert not actual.translates


def test_the_first_lookup_that_says_something_holds(tmp_path: Path) -> None:
    london = lookups(tmp_path, OA_11, REGIONS).areas.loc["E01000001"]
    assert london[["district_code", "region_code", "msoa"]].tolist() == ["E09000001", "E12000007", "E02000001"]


def test_areas_of_2011_lead_to_those_of_2021_and_back(tmp_path: Path) -> None:
    actual = lookups(tmp_path, CHANGES)
    assert actual.translates
    assert actual.to_year(2021)["target"].to_dict() == {
        "E01000001": "E01000001",
        "E01000002": None,
        "E01000003": "E01033780",
        "E01000004": "E01033780",
    }
    assert actual.to_year(2011)["target"].to_dict() == {
        "E01000001": "E01000001",
        "E01033770": "E01000002",
        "E01033771": "E01000002",
        "E01033780": None,
    }
    assert actual.areas.loc["E01033770", ["area_name", "district_name"]].tolist() == ["b1", "City of London"]
    assert actual.areas.loc["E01000002", ["area_name", "district_name"]].tolist() == ["b", "City of London"]


def test_lookup_in_windows_1252_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(OA_11.encode("windows-1252"))
    actual = read_lookups([str(tmp_path / "a.csv")])
    assert actual.areas.loc["W01000001", "area_name"] == "Ynys Môn 007A"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LSOA11CD,LSOA21CD,LAD22CD\nE1,E2,E3\n", "has no column CHGIND, so it is a best fit"),
        ("OA21CD,LAD22CD\nE1,E2\n", "is not recognised as a look-up; expected a column LSOA11CD or LSOA21CD"),
        ("LSOA11CD,name\nE1,E2\n", "is not recognised as a look-up"),
        ("LSOA11CD,LAD11CD\nE1,E2\nE1\n", "row 3: has 1 fields where the header has 2"),
    ],
)
def test_other_file_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(RunRefused, match=expected):
        lookups(tmp_path, text)
