"""What nobody asked for does not stop a run: through the command line, as users have met it."""

from __future__ import annotations

import json
from typing import Any

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
    told = "\n".join(notes_of(small_run))
    assert "1 of the 128 areas have no polygon" in told
    assert f"have no polygon (1 {kind}), e.g. {FIRST_AREA}: not used" in told
