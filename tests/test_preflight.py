"""Mistakes in inputs are refused before Spark starts, by `--dry-run` as by a run."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config_files import write_config
from paths import DATA
from streetdeciles.cli import main
from streetdeciles.csv_tables.table import open_table
from streetdeciles.labels.known_ids import knows_any

TABLE = DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"
BOUNDARIES = DATA / "boundaries" / "lsoa11_westminster.geojson"


@pytest.fixture
def inputs(tmp_path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """A config whose inputs are fit: Westminster's areas, two locations of one photograph each, random weights."""
    with TABLE.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *(row for row in rows if row[3] == "Westminster")])
    (tmp_path / "locations.csv").write_text("location_id,latitude,longitude\n1,51.5372,-0.18098\n2,51.5161,-0.159\n")
    for name in ("1_0.jpg", "2_0.jpg"):
        shutil.copy(DATA / "photos" / "lund_01.jpg", tmp_path / "photographs" / name)
    values["labels"] |= {"regions": {"westminster": ["Westminster"]}, "boundaries": {"path": str(BOUNDARIES)}}
    values["images"]["views"] = 1
    values["features"] = {"weights": "random:1"}
    return values


def dry_run(folder: Path, values: dict[str, Any], *options: str) -> int:
    return main(["run", "--config", str(write_config(folder, values)), "--dry-run", *options])


def test_fit_inputs_pass(tmp_path: Path, inputs: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert dry_run(tmp_path, inputs) == 0

    assert "error" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_blocks_of_areas_that_are_nowhere_are_refused(
    tmp_path: Path, inputs: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locations.csv").write_text("location_id,area_id\n1,E01004646\n2,E01004649\n")
    inputs["dataset"] |= {"split": "spatial_blocks", "folds": 2}
    assert dry_run(tmp_path, inputs) == 0
    capsys.readouterr()
    del inputs["labels"]["boundaries"]
    assert dry_run(tmp_path, inputs) == 2
    assert "locations.csv has no columns latitude and longitude; add them, set labels.boundaries" in (
        capsys.readouterr().err
    )


MISTAKES = {
    "no table has a district 'Westminter'; did you mean Westminster": ("labels", {"regions": {"a": ["Westminter"]}}),
    "no feature has the property 'LSOA21CD' (labels.boundaries.area_id)": (
        "labels",
        {"boundaries": {"path": str(BOUNDARIES), "area_id": "LSOA21CD"}},
    ),
    "none of the 128 areas of labels.regions is in it; property LSOA11NM": (
        "labels",
        {"boundaries": {"path": str(BOUNDARIES), "area_id": "LSOA11NM"}},
    ),
    "has no column area_id, so labels.boundaries must be set": ("labels", {"boundaries": None}),
    "has the outcome 'imd_incme'; did you mean imd_income?": ("dataset", {"outcomes": ["imd_incme"]}),
    "table.h5: cannot be read as weights": ("features", {"weights": "table.h5"}),
    "features.layer: vgg16 has no layer 'fc9'": ("features", {"layer": "fc9"}),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistake_is_refused_before_spark_starts(
    tmp_path: Path,
    inputs: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    message: str,
) -> None:
    section, changes = MISTAKES[message]
    shutil.copy(tmp_path / "table.csv", tmp_path / "table.h5")
    inputs[section] = {key: value for key, value in (inputs[section] | changes).items() if value is not None}

    assert dry_run(tmp_path, inputs) == 2
    monkeypatch.setenv("JAVA_HOME", "/nowhere")  # no session could be started
    assert main(["run", "--config", str(tmp_path / "run.yaml")]) == 2

    errors = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(errors) == 2
    assert message in errors[0]
    assert errors[0] == errors[1]


def test_header_of_locations_is_looked_at(
    tmp_path: Path, inputs: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locations.csv").write_text("id,lat,lon\n1,51.5372,-0.18098\n")

    assert dry_run(tmp_path, inputs) == 2
    assert "locations.csv: expected the columns location_id and area_id" in capsys.readouterr().err


def test_mlflow_that_is_missing_is_refused_before_spark_starts(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")  # no session could be started
    config = str(write_config(tmp_path, {**inputs, "training": {"mlflow": True}}))

    assert main(["run", "--config", config]) == 2
    assert "training.mlflow: MLflow is not installed: pip install 'streetdeciles[mlflow]'" in capsys.readouterr().err
    assert main(["run", "--config", config, "--to", "labels", "--dry-run"]) == 0, "labels needs no MLflow"


def test_stages_that_will_not_run_are_not_looked_at(tmp_path: Path, inputs: dict[str, Any]) -> None:
    (tmp_path / "locations.csv").write_text("id,lat,lon\n1,51.5372,-0.18098\n")

    assert dry_run(tmp_path, inputs, "--only", "images") == 0


def test_large_boundaries_are_searched_for_the_property(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collection = json.loads(BOUNDARIES.read_text())
    for feature in collection["features"]:
        feature["properties"]["Köd"] = feature["properties"].pop("LSOA11CD")
    path = tmp_path / "areas.geojson"
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    monkeypatch.setattr("streetdeciles.labels.preflight.MAX_BOUNDARIES_BYTES", 1000)
    monkeypatch.setattr("streetdeciles.geography.boundaries.CHUNK_BYTES", 777)

    inputs["labels"]["boundaries"] = {"path": str(path), "area_id": "Köd"}
    assert dry_run(tmp_path, inputs) == 0
    inputs["labels"]["boundaries"] = {"path": str(path)}
    assert dry_run(tmp_path, inputs) == 2
    assert "no feature has the property of an area's code by one of its usual names" in capsys.readouterr().err


def test_header_of_a_large_table_is_looked_at(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streetdeciles.labels.preflight.MAX_TABLE_BYTES", 1000)
    assert dry_run(tmp_path, inputs) == 0

    table = tmp_path / "table.csv"
    table.write_text(table.read_text().replace("LSOA code (2011)", "Area"))

    assert dry_run(tmp_path, inputs) == 2
    assert "table.csv: is not recognised by its columns" in capsys.readouterr().err


def add_photographs(folder: Path, *names: str) -> None:
    for name in names:
        shutil.copy(DATA / "photos" / "lund_01.jpg", folder / "photographs" / name)


def test_views_by_heading_are_named(tmp_path: Path, inputs: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    add_photographs(tmp_path, *(f"{name}_{heading}.jpg" for name in (1, 2) for heading in (90, 180, 270)))

    assert dry_run(tmp_path, inputs) == 2

    assert (
        "6 files are left out for their view and only 2 kept, because images.views is 1; the views are called "
        "0, 90, 180, 270: set images.view_names: [0, 90, 180, 270]" in capsys.readouterr().err
    )
    del inputs["images"]["views"]
    inputs["images"]["view_names"] = [0, 90, 180, 270]
    assert dry_run(tmp_path, inputs) == 0


def test_sample_of_many_warns_and_does_not_refuse(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streetdeciles.images.sample.MAX_NAMES", 8)
    (tmp_path / "locations.csv").write_text("location_id,latitude,longitude\nA1,51.5372,-0.18098\n")
    for i in range(10):
        (tmp_path / "photographs" / f"L{i}_0.jpg").write_bytes(b"")

    assert dry_run(tmp_path, inputs) == 0

    assert "of the first 8 photographs that were looked at, none of the location_ids" in caplog.text


def test_photographs_of_no_location_are_refused(
    tmp_path: Path, inputs: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locations.csv").write_text("location_id,latitude,longitude\n0001,51.5372,-0.18098\n")

    assert dry_run(tmp_path, inputs) == 2

    message = capsys.readouterr().err
    assert "none of the location_ids of 2 location(s) with photographs is in " in message
    assert "photographs have e.g. '1', locations '0001'" in message


def test_members_of_archives_are_looked_at(tmp_path: Path, inputs: dict[str, Any]) -> None:
    (tmp_path / "locations.csv").write_text("location_id,latitude,longitude\nzipped,51.5372,-0.18098\n")
    with zipfile.ZipFile(tmp_path / "photographs" / "more.zip", "w") as archive:
        archive.writestr("north/zipped_0.jpg", b"")

    assert dry_run(tmp_path, inputs) == 0


def test_columns_and_rows_of_a_table_are_looked_at(
    tmp_path: Path, inputs: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pa.table({"image": [b"", b""], "location_id": [1, 2], "view": [0, 90], "taken": ["a", "b"]})
    pq.write_table(rows, tmp_path / "photographs.parquet")
    inputs["images"] = {"table": {"path": "photographs.parquet", "view": "vew"}}
    assert dry_run(tmp_path, inputs) == 2
    assert "photographs.parquet has no column 'vew'; it has image, location_id, view, taken" in capsys.readouterr().err

    inputs["images"] = {"table": {"path": "photographs.parquet"}}
    assert dry_run(tmp_path, inputs) == 0
    pq.write_table(rows.set_column(1, "location_id", pa.array([7, 8])), tmp_path / "photographs.parquet")
    assert dry_run(tmp_path, inputs) == 2
    assert "photographs have e.g. '7', locations '1'" in capsys.readouterr().err


def test_large_file_of_locations_is_searched_for_a_limited_time(tmp_path: Path) -> None:
    path = tmp_path / "locations.csv"
    path.write_text("location_id,area_id\n" + "".join(f"{i},E\n" for i in range(1000)))

    table = open_table(str(path))
    assert knows_any(table, {"999"}) is True
    assert knows_any(table, {"1000"}) is False
    assert knows_any(table, {"1000"}, max_seconds=-1) is None
