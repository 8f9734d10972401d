"""What nobody asked for does not stop a run: through the command line, as users have met it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from paths import DATA
from small_run import SmallRun

WESTMINSTER = DATA / "boundaries" / "lsoa11_westminster.geojson"
FIRST_AREA = "E01004646"
"""The area of the location 00000."""


def notes_of(run: SmallRun) -> list[str]:
    notes: list[str] = json.loads((run.work_dir / "run_log" / "labels.json").read_text())["notes"]
    return notes


def set_geometry(run: SmallRun, change: dict[str, Any] | None) -> None:
    """Westminster's boundaries, in which the first area has another geometry."""
    areas = json.loads(WESTMINSTER.read_text())
    (first,) = (row for row in areas["features"] if row["properties"]["LSOA11CD"] == FIRST_AREA)
    first["geometry"] = change
    (run.folder / "areas.geojson").write_text(json.dumps(areas))
    run.set(labels={"boundaries": {"path": "areas.geojson"}})


def test_polygons_of_a_collection_locate_its_places(small_run: SmallRun) -> None:
    areas = json.loads(WESTMINSTER.read_text())["features"]
    polygon = next(row["geometry"] for row in areas if row["properties"]["LSOA11CD"] == FIRST_AREA)
    line = {"type": "LineString", "coordinates": [[-0.18, 51.53], [-0.17, 51.53]]}
    set_geometry(small_run, {"type": "GeometryCollection", "geometries": [polygon, line]})
    assert small_run.main("run", "--to", "labels") == 0
    assert small_run.table("locations").set_index("location_id").loc["00000", "area_id"] == FIRST_AREA
    assert notes_of(small_run) == ["region westminster: 128 areas"]


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [({"type": "Polygon", "coordinates": [[]]}, "empty"), ({"type": "Point", "coordinates": [-0.18, 51.53]}, "Point")],
)
def test_area_without_a_polygon_is_counted(small_run: SmallRun, geometry: dict[str, Any], kind: str) -> None:
    set_geometry(small_run, geometry)
    assert small_run.main("run", "--to", "labels") == 0
    left_out = small_run.table("left_out")
    assert left_out[["id", "reason"]].to_numpy().tolist() == [["00000", "outside_boundaries"]]
    assert len(small_run.table("locations")) == 11
    notes = "\n".join(notes_of(small_run))
    assert "1 of the 128 areas have no polygon" in notes
    assert f"have no polygon (1 {kind}), e.g. {FIRST_AREA}: not used" in notes


CRIME = "Crime Rank (where 1 is most deprived)"


def set_table(run: SmallRun, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Westminster's part of the published table, changed."""
    table = pd.read_csv(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv", dtype=str)
    table = table[table["Local Authority District name (2019)"] == "Westminster"]
    change(table).to_csv(run.folder / "table.csv", index=False)
    run.set(labels={"tables": [{"path": "table.csv"}]})


def test_outcome_that_is_not_asked_for_may_have_few_values(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """The values are kept; asked for, the outcome is refused, also by a later stage alone."""
    set_table(small_run, lambda table: table.assign(**{CRIME: table[CRIME].where(table.index < table.index[6])}))
    assert small_run.main("run", "--to", "images") == 0
    labels = small_run.table("area_labels").groupby("outcome")
    assert labels["value"].count().to_dict() == {name: 6 if name == "imd_crime" else 128 for name in labels.groups}
    assert labels["decile"].count().to_dict() == {name: 0 if name == "imd_crime" else 128 for name in labels.groups}
    assert notes_of(small_run)[1:] == [
        "imd_crime: 122 areas have no value, so no decile",
        "imd_crime: no deciles in region westminster, as only 6 areas have a value; "
        "dataset.outcomes does not ask for them",
    ]
    assert small_run.main("features") == 0
    small_run.set(dataset={"outcomes": ["imd", "imd_crime"]})
    assert small_run.main("run", "--from", "dataset", "--force") == 2
    assert "area_labels has no deciles of imd_crime" in capsys.readouterr().err
    assert small_run.main("run", "--from", "labels", "--force") == 2
    assert "outcome imd_crime in region westminster: 6 area(s) have a value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("none", "expected a number, got 'none'"),
        ("0", "expected a rank from 1 to 32,844, got '0'"),
        ("32,845", "expected a rank from 1 to 32,844, got '32,845'"),
        ("7.5", "expected a rank from 1 to 32,844, got '7.5'"),
    ],
)
def test_outcome_that_is_not_asked_for_may_be_unfit(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str], cell: str, why: str
) -> None:
    set_table(small_run, lambda table: table.assign(**{CRIME: [cell, *table[CRIME][1:]]}))
    assert small_run.main("run", "--to", "labels") == 0
    labels = small_run.table("area_labels")
    assert labels.groupby("outcome").size().to_dict() == dict.fromkeys(OTHERS, 128)
    assert labels["decile"].notna().all()
    (note,) = notes_of(small_run)[1:]
    assert note.startswith("imd_crime: left out, as dataset.outcomes does not ask for it (")
    assert f"row 2, column '{CRIME}': {why}" in note
    small_run.set(dataset={"outcomes": ["imd_crime"]})
    assert small_run.main("run", "--to", "labels", "--force") == 2
    assert why in capsys.readouterr().err


OTHERS = ("imd", "imd_income", "imd_employment", "imd_education", "imd_health", "imd_housing", "imd_living_environment")
