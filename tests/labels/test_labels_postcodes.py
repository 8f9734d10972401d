"""Postcodes as locations: a list of photographs, or a whole directory, to `locations` and `left_out`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from postcode_files import LAYOUTS, ONSPD_2017, ONSPD_2025, write_directory
from small_run import SmallRun
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.labels.postcodes import open_list

DISTRICT = "E09000033"


def postcode(name: str, lsoa: str = "E01004646", **values: str) -> dict[str, str]:
    usual = {
        "oa": "E00023264",
        "msoa": "E02000961",
        "district": DISTRICT,
        "latitude": "51.537426",
        "longitude": "-0.180139",
    }
    of_2021 = {"lsoa21": lsoa, "oa21": usual["oa"], "msoa21": usual["msoa"]}
    return {"postcode": name, "lsoa": lsoa, **of_2021, **usual, **values}


DIRECTORY = (
    postcode("W9 1AA"),
    postcode("W9 1AB", "E01004647", oa="E00023265", latitude="51.5372", longitude="-0.1801"),
    postcode("SW1A 1AA", "E01004736", user_type="1"),
    postcode("W9 1ZZ", terminated="201203"),
    postcode("JE2 3AB", "L99999999", latitude="99.999999", longitude="0.000000", oa="", msoa="", district=""),
    postcode("NW1 0AA", "E01000861"),
    postcode("AB1 0AA", "S01006506"),
    postcode("W9 1XX", "E01000004"),
)


def run(small_run: SmallRun, **locations: Any) -> dict[str, int]:
    """The counts of the stage's report."""
    small_run.set(labels={"locations": locations, "boundaries": None})
    assert small_run.main("run", "--to", "labels") == 0
    counts: dict[str, int] = json.loads((small_run.work_dir / "run_log" / "labels.json").read_text())["counts"]
    return {key: n for key, n in counts.items() if "areas" not in key}


def reasons(small_run: SmallRun) -> dict[str, str]:
    return small_run.table("left_out").set_index("id")["reason"].to_dict()


def write_list(small_run: SmallRun, *lines: str) -> None:
    (small_run.folder / "list.csv").write_text("\n".join([*lines, ""]))


def test_every_postcode_of_the_region_is_a_location(small_run: SmallRun) -> None:
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *DIRECTORY)
    assert run(small_run, postcodes="onspd.csv") == {
        "postcodes in the directory": 8,
        "locations": 2,
        "left out: large_user": 1,
        "left out: no_grid_reference": 1,
        "left out: not_in_region": 1,
        "left out: terminated": 1,
        "left out: unknown_area": 2,
    }
    locations = small_run.table("locations").set_index("location_id")
    assert [*locations.index] == ["W91AA", "W91AB"]
    assert locations.loc["W91AB"].to_dict() == {
        "region": "westminster",
        "area_id": "E01004647",
        "oa": "E00023265",
        "msoa": "E02000961",
        "district": DISTRICT,
        "latitude": 51.5372,
        "longitude": -0.1801,
    }
    assert reasons(small_run) == {
        "AB10AA": "unknown_area",
        "JE23AB": "no_grid_reference",
        "NW10AA": "not_in_region",
        "SW1A1AA": "large_user",
        "W91XX": "unknown_area",
        "W91ZZ": "terminated",
    }


def test_terminated_postcodes_and_large_users_are_used_on_request(small_run: SmallRun) -> None:
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *DIRECTORY)
    counts = run(small_run, postcodes="onspd.csv", terminated=True, large_users=True)
    assert counts["locations"] == 4
    assert "left out: terminated" not in counts
    assert {*small_run.table("locations")["location_id"]} == {"W91AA", "W91AB", "W91ZZ", "SW1A1AA"}


def test_list_of_photographs_is_joined_by_letters_and_digits(small_run: SmallRun) -> None:
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *DIRECTORY)
    write_list(
        small_run,
        "img_id,pcd,seen",
        "0007,w9 1aa,2015",
        "0008,W9  1AB,2015",
        "0009,W91ZZ,2015",
        "0010,JE2-3AB,2015",
        "0011,NW1 0AA,2015",
        "0012,XX1 1XX,2015",
        "0013,,2015",
        "0014,SW1A1AA,2015",
        "0015,AB1 0AA,2015",
    )
    assert run(small_run, postcodes="onspd.csv", photographs="list.csv") == {
        "rows in the list of photographs": 9,
        "locations": 2,
        "left out: large_user": 1,
        "left out: no_grid_reference": 1,
        "left out: not_in_region": 1,
        "left out: terminated": 1,
        "left out: unknown_area": 1,
        "left out: unknown_postcode": 2,
    }
    locations = small_run.table("locations").set_index("location_id")
    assert locations["area_id"].to_dict() == {"0007": "E01004646", "0008": "E01004647"}
    assert reasons(small_run) == {
        "0009": "terminated",
        "0010": "no_grid_reference",
        "0011": "not_in_region",
        "0012": "unknown_postcode",
        "0013": "unknown_postcode",
        "0014": "large_user",
        "0015": "unknown_area",
    }


def test_postcodes_that_share_a_photograph_are_one_location(small_run: SmallRun) -> None:
    """As pandas' `drop_duplicates("img_id")` on the postcodes of the region, in order of the postcode."""
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *DIRECTORY)
    pairs = ["a W9 1AB", "a W9 1AA", "b W9 1AB", "b W9 1AA", "c NW1 0AA", "c W9 1AB", "c W9 1AB"]
    listed = pd.DataFrame([pair.split(" ", 1) for pair in pairs], columns=["img_id", "pcd"])
    listed.to_csv(small_run.folder / "list.csv", index=False)
    counts = run(small_run, postcodes="onspd.csv", photographs="list.csv")
    assert (counts["locations"], counts["left out: same_photograph"]) == (3, 4)
    assert sum(counts.values()) == 2 * len(listed)
    area_of = {"W9 1AA": "E01004646", "W9 1AB": "E01004647"}
    inside = listed.assign(area_id=listed["pcd"].map(area_of)).dropna().sort_values("pcd").drop_duplicates("img_id")
    actual = small_run.table("locations").set_index("location_id")["area_id"].to_dict()
    assert actual == dict(zip(inside["img_id"], inside["area_id"], strict=True))
    left_out = small_run.table("left_out")
    assert sorted(left_out["id"]) == ["a, no. 2: W9 1AB", "b, no. 2: W9 1AB", "c, no. 2: W9 1AB", "c, no. 3: NW1 0AA"]
    assert {*left_out["reason"]} == {"same_photograph"}


def test_postcodes_alone_are_ids_as_they_are_written(small_run: SmallRun) -> None:
    """In the published zip, whose parts are read."""
    with zipfile.ZipFile(small_run.folder / "onspd.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, row in enumerate(DIRECTORY):
            part = write_directory(small_run.folder / "part.csv", ONSPD_2025, row)
            archive.write(part, f"Data/multi_csv/ONSPD_FEB_2025_UK_{number}.csv")
    write_list(small_run, "Postcode", "W9 1AA", "w91ab")
    assert run(small_run, postcodes="onspd.zip", photographs="list.csv")["locations"] == 2
    assert {*small_run.table("locations")["location_id"]} == {"W9 1AA", "w91ab"}


@pytest.mark.parametrize("layout", ["onspd_2023", "onspd_2025", "nspl_2019", "arcgis"])
def test_areas_are_those_of_the_tables_census(small_run: SmallRun, layout: str) -> None:
    """The tables are of 2011; where a directory has both, the LSOA of 2021 must not be taken."""
    rows = [dict(row, lsoa21="E01033769", oa21="E00999999", msoa21="E02999999") for row in DIRECTORY]
    write_directory(small_run.folder / "x.csv", LAYOUTS[layout], *rows, quoted=layout != "onspd_2025")
    assert run(small_run, postcodes="x.csv")["locations"] == 2
    (row,) = small_run.table("locations").query("location_id == 'W91AA'").to_dict("records")
    assert (row["area_id"], row["oa"], row["msoa"], row["district"]) == (
        "E01004646",
        "E00023264",
        "E02000961",
        DISTRICT,
    )


def test_grid_references_become_degrees_in_a_directory_without(small_run: SmallRun) -> None:
    """SW1A 1AA is at 529090, 179645; 51.501009, -0.141588. Northings are padded; Belfast is on the Irish grid."""
    header = ONSPD_2017.replace(",lat,long", "").replace("oseast1m,osnrth1m", "OSEAST1M,OSNRTH1M")
    rows = [
        postcode("SW1A 1AA", "E01004736", easting="529090", northing="0179645"),
        postcode("JE2 3AB", "E01004736", easting="", northing=""),
        postcode("BT1 5GS", "E01004736", easting="333700", northing="374100"),
    ]
    write_directory(small_run.folder / "onspd.csv", header, *rows)
    run(small_run, postcodes="onspd.csv")
    locations = small_run.table("locations").set_index("location_id")
    assert locations.loc["SW1A1AA", ["latitude", "longitude"]].to_list() == pytest.approx(
        [51.501009, -0.141588], abs=4e-5
    )
    assert locations.loc["BT15GS", ["latitude", "longitude"]].isna().all()
    assert reasons(small_run) == {"JE23AB": "no_grid_reference"}


def test_directory_without_coordinates_is_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    write_directory(small_run.folder / "x.csv", "pcds,doterm,usertype,oslaua,lsoa11,oseast1m", postcode("W9 1AA"))
    small_run.set(labels={"locations": {"postcodes": "x.csv"}, "boundaries": None})
    assert small_run.main("run", "--to", "labels", "--dry-run") == 2
    assert "lat and long (or oseast1m and osnrth1m); there are pcds, doterm" in capsys.readouterr().err


def test_directory_of_another_census_is_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [dict(row, lsoa21="E01033769") for row in DIRECTORY]
    write_directory(small_run.folder / "nspl.csv", LAYOUTS["nspl_2025"], *rows)
    small_run.set(labels={"locations": {"postcodes": "nspl.csv"}, "boundaries": None})
    assert small_run.main("run", "--to", "labels") == 2
    assert "nspl.csv: 1 of its areas are LSOAs of 2021, e.g. E01033769" in capsys.readouterr().err


def test_postcode_that_appears_twice_in_a_directory_is_refused(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *DIRECTORY, postcode("W9 1AA"))
    small_run.set(labels={"locations": {"postcodes": "onspd.csv"}, "boundaries": None})
    assert small_run.main("run", "--to", "labels") == 2
    assert "onspd.csv: location_id 'W91AA' appears more than once" in capsys.readouterr().err


def test_list_without_postcodes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("img_id,area\n1,2\n")
    with pytest.raises(RunRefused, match="list.csv: expected a column of postcodes, .* there are img_id, area"):
        open_list(str(tmp_path / "list.csv"))


MISTAKES = {
    "labels.locations.photograph: unknown key; did you mean photographs?": {"postcodes": "x", "photograph": "y"},
    "labels.locations.lattitude: unknown key; did you mean latitude?": {"path": "x", "lattitude": "y"},
    "labels.locations: needs either path, or catalog_table": {"latitude": "lat"},
    "labels.locations: easting and northing need crs": {"path": "x", "easting": "e", "northing": "n"},
    "labels.locations: input should be a valid string, got ['x']": ["x"],
}


@pytest.mark.parametrize("expected", MISTAKES)
def test_mistake_in_the_section_is_named(small_run: SmallRun, expected: str) -> None:
    small_run.set(labels={"locations": MISTAKES[expected]})
    with pytest.raises(RunRefused) as refused:
        load_config(str(small_run.config))
    assert expected in str(refused.value)
