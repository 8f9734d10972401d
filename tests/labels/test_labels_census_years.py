"""Locations of one census year with tables of the other: refused with the way out, or translated by a look-up."""

from __future__ import annotations

import zipfile

import pandas as pd
import pytest

from paths import DATA
from postcode_files import ONSPD_2017, write_directory
from small_run import LOCATION_IDS, SmallRun
from streetdeciles.errors import RunRefused
from streetdeciles.labels.census_years import refuse_other_year

LOOKUP_HEADER = "LSOA11CD,LSOA11NM,CHGIND,LSOA21CD,LSOA21NM,LAD22CD,LAD22NM"
A, B, C, D = "E01004646", "E01004647", "E01004648", "E01004649"
"""Areas of Westminster in 2011. For these tests A was split, B and C were merged, and D stayed."""
CHANGES = [
    (A, "S", "E01035001"),
    (A, "S", "E01035002"),
    (B, "M", "E01035003"),
    (C, "M", "E01035003"),
    (D, "U", D),
]


def set_locations(run: SmallRun, *rows: str) -> None:
    (run.folder / "locations.csv").write_text("\n".join(["location_id,area_id,oa,msoa,latitude,longitude", *rows]))


def set_lookup(run: SmallRun) -> None:
    rows = [f"{old},x,{change},{new},x,E09000033,Westminster" for old, change, new in CHANGES]
    (run.folder / "changes.csv").write_text("\n".join([LOOKUP_HEADER, *rows]))
    run.set(labels={"lookups": ["changes.csv"]})


def areas_of(run: SmallRun) -> dict[str, str]:
    areas: dict[str, str] = run.table("locations").set_index("location_id")["area_id"].to_dict()
    return areas


def test_locations_of_2021_are_refused_with_tables_of_2011(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    set_locations(small_run, f"00000,{D},,,,", "00001,E01035001,,,,")
    assert small_run.main("run", "--to", "labels") == 2
    error = capsys.readouterr().err
    assert (
        "locations.csv: 1 of its areas are LSOAs of 2021, e.g. E01035001, and labels.tables have those of 2011" in error
    )
    assert "to labels.lookups" in error


def test_locations_of_2021_get_their_areas_of_2011(small_run: SmallRun) -> None:
    """The parts of a split area lead to it; in a merged one the coordinates decide."""
    table = pd.read_csv(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv", dtype=str)
    assert {A, B, C, D} <= {*table["LSOA code (2011)"]}
    inside_a = "51.537192,-0.180979"
    set_lookup(small_run)
    set_locations(
        small_run,
        "a1,E01035001,,,,",
        "a2, e01035002,,,,",
        "unclear,E01035003,,,,",
        f"by point,E01035003,,,{inside_a}",
        f"stays,{D},,,,",
    )
    assert small_run.main("run", "--to", "labels") == 0
    assert areas_of(small_run) == {"a1": A, "a2": A, "by point": A, "stays": D}
    left_out = small_run.table("left_out").set_index("id")["reason"].to_dict()
    assert left_out == {"unclear": "unknown_area"}


def test_output_areas_give_areas_and_msoas(small_run: SmallRun) -> None:
    (small_run.folder / "oas.csv").write_text(
        f"OA11CD,LSOA11CD,MSOA11CD,LAD11CD\nE00000001,{A},E02000970,E09000033\nE00000002,{B},E02000971,E09000033\n"
    )
    small_run.set(labels={"lookups": ["oas.csv"]})
    set_locations(small_run, "x,,e00000001,,,", f"y,{B},,,,", f"z,{B},,own,,")
    assert small_run.main("run", "--to", "labels") == 0
    actual = small_run.table("locations").set_index("location_id")[["area_id", "msoa"]]
    assert actual.loc[["x", "y", "z"]].to_numpy().tolist() == [[A, "E02000970"], [B, "E02000971"], [B, "OWN"]]


@pytest.mark.parametrize("lookup", ["oas.csv", "onspd.zip"])
def test_output_areas_alone_say_where_locations_are(small_run: SmallRun, lookup: str) -> None:
    rows = [("E00000001", A, "E02000970"), ("E00000002", B, "E02000971")]
    if lookup == "oas.csv":
        text = "".join(f"{oa},{lsoa},{msoa},E09000033\n" for oa, lsoa, msoa in rows)
        (small_run.folder / lookup).write_text(f"OA11CD,LSOA11CD,MSOA11CD,LAD11CD\n{text}")
    else:
        directory = [
            {"postcode": f"W9 1A{letter}", "oa": oa, "lsoa": lsoa, "msoa": msoa, "district": "E09000033"}
            for letter, (oa, lsoa, msoa) in zip("ABD", [*rows, rows[0]], strict=True)
        ]
        write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *directory)
        with zipfile.ZipFile(small_run.folder / lookup, "w") as archive:
            archive.write(small_run.folder / "onspd.csv", "Data/ONSPD_AUG_2017_UK.csv")
            archive.writestr("Documents/names.csv", "code,name\nE00000001,x\n")
    (small_run.folder / "locations.csv").write_text("location_id,OA11CD\n1,e00000001\n2,E00000002 \n3,E00000009\n4,\n")
    small_run.set(labels={"lookups": [lookup], "boundaries": None})
    assert small_run.main("run", "--to", "labels") == 0
    located = small_run.table("locations").set_index("location_id")[["area_id", "oa", "msoa"]]
    assert located.to_dict("index") == {
        "1": {"area_id": A, "oa": "E00000001", "msoa": "E02000970"},
        "2": {"area_id": B, "oa": "E00000002", "msoa": "E02000971"},
    }
    left_out = small_run.table("left_out").set_index("id")
    assert left_out["reason"].to_dict() == {"3": "no_area", "4": "no_area"}
    assert left_out["detail"]["3"] == (
        "the row has no area_id, and labels.lookups do not have its output area E00000009 (locations.csv)"
    )


def test_output_areas_without_a_lookup_are_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    (small_run.folder / "locations.csv").write_text("location_id,oa\n1,E00000001\n")
    assert small_run.main("run", "--to", "labels", "--dry-run") == 2
    assert (
        "locations.csv: has no column area_id, so labels.lookups must have a look-up of output areas to LSOAs to find "
        "the areas by column oa"
    ) in capsys.readouterr().err
    set_lookup(small_run)
    for options in (("--dry-run",), ()):
        assert small_run.main("run", "--to", "labels", *options) == 2
        assert "locations.csv: has output areas and no column area_id, and none of labels.lookups has output areas" in (
            capsys.readouterr().err
        )


@pytest.mark.parametrize(
    ("unknown", "n_areas", "year", "expected"),
    [
        (["E01035000"], 10, 2011, "LSOAs of 2021, e.g. E01035000"),
        (["E01000009"], 33_755, 2021, "LSOAs of 2011, e.g. E01000009"),
        (["E01000009"], 120, 2021, None),  # another place, as far as one can see
        (["E01000009", "W01000001", "x"], 10, 2011, None),
    ],
)
def test_codes_say_their_year(unknown: list[str], n_areas: int, year: int, expected: str | None) -> None:
    area_ids = [f"E01{number:06d}" for number in range(10_000, 10_000 + min(n_areas, 23_000))]
    area_ids += [f"E01{number:06d}" for number in range(33_769, 33_769 + n_areas - len(area_ids))]
    if expected is None:
        refuse_other_year(unknown, area_ids, year, "locations.csv")
        return
    with pytest.raises(RunRefused, match=expected):
        refuse_other_year(unknown, area_ids, year, "locations.csv")


def test_boundaries_of_another_year_are_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DATA / "boundaries" / "lsoa11_westminster.geojson").read_text().replace(A, "E01035001")
    (small_run.folder / "lsoa21.geojson").write_text(text)
    small_run.set(labels={"boundaries": {"path": "lsoa21.geojson"}})
    assert small_run.main("run", "--to", "labels") == 2
    error = capsys.readouterr().err
    assert "lsoa21.geojson: 1 of its areas are LSOAs of 2021, e.g. E01035001, and labels.tables have those of" in error


def test_boundaries_say_the_districts_of_codes_alone(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv", dtype=str)
    bare = table.iloc[:, [0, 4, 6]].rename(columns={"LSOA code (2011)": "LSOA11CD"})
    bare.to_csv(small_run.folder / "bare.csv", index=False)
    small_run.set(labels={"tables": [{"path": "bare.csv"}], "regions": {"westminster": ["Westminster"]}})
    assert small_run.main("run", "--to", "labels", "--dry-run") == 0
    monkeypatch.setattr("streetdeciles.labels.preflight.MAX_BOUNDARIES_BYTES", 1000)
    assert small_run.main("run", "--to", "labels") == 0
    assert small_run.table("area_labels")["area_id"].nunique() == 128

    areas = [f"{location},{D}" for location in LOCATION_IDS]
    (small_run.folder / "locations.csv").write_text("\n".join(["location_id,area_id", *areas]))
    small_run.set(labels={"boundaries": None})
    assert small_run.main("run", "--to", "labels", "--force") == 2
    assert "no table says which district an area is in; add a look-up of LSOAs" in capsys.readouterr().err
