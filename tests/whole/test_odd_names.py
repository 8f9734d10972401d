"""Whatever a file system takes as a name, the pipeline takes: folders, files, archives, members, the work_dir."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from file_names import ODD_NAMES
from small_run import LOCATION_IDS, SmallRun, write_locations
from streetdeciles.extraction.reading import read_image

pytestmark = pytest.mark.whole

ODD_FOLDER = "in [2019] {v2} a*b? back\\slash/run 12:30:00 per%20cent/s3:/a::b #1;x=y 'q' \"ü\" new\nline"
"""What Hadoop's patterns, URIs, Petastorm and fsspec would each read as something else."""


def test_all_stages_run_in_a_work_dir_and_on_photographs_with_odd_names(small_run: SmallRun) -> None:
    inputs = small_run.folder / "inputs" / ODD_FOLDER
    inputs.parent.mkdir(parents=True)
    (small_run.folder / "photographs").rename(inputs)
    small_run.set(work_dir=f"out/{ODD_FOLDER}", images={"folder": str(inputs)})
    work_dir = small_run.folder / "out" / ODD_FOLDER

    assert small_run.main("run") == 0

    assert len(pd.read_parquet(work_dir / "features")) == 2 * len(LOCATION_IDS)
    assert len(pd.read_parquet(work_dir / "predictions")["location_id"].unique()) == len(LOCATION_IDS)
    assert (work_dir / "report.html").exists()
    assert [path.name for path in (small_run.folder / "out").iterdir()] == ["in [2019] {v2} a*b? back\\slash"]
    assert small_run.main("run") == 0
    assert small_run.main("features", "--status") == 0


def test_double_colons_in_files_archives_and_members_become_features(small_run: SmallRun) -> None:
    """View 0 as files, view 1 in an archive."""
    location_ids = tuple(f"W1::{location_id}" for location_id in LOCATION_IDS)
    write_locations(small_run.folder / "locations.csv", location_ids)
    folder = small_run.folder / "photographs"
    with zipfile.ZipFile(folder / "a [1]::{x}*? 12:30 %20#!y.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("*_?.jpg")):
            if path.stem.endswith("_1"):
                archive.writestr(f"zip::deep [1]*?/s3://x%20#/W1::{path.name}", path.read_bytes())
                path.unlink()
            else:
                path.rename(path.with_name(f"W1::{path.name}"))

    assert small_run.main("run", "--to", "features") == 0

    actual = small_run.table("features")
    assert {*zip(actual["location_id"], actual["view"], strict=True)} == {
        (location_id, view) for location_id in location_ids for view in range(2)
    }
    assert small_run.table("rejects").empty


def test_photographs_of_any_name_are_indexed_and_opened(small_run: SmallRun) -> None:
    folder = small_run.folder / "photographs"
    expected = {f"{folder / name}_0.jpg" for name in ODD_NAMES}
    expected |= {f"{folder / name / 'deep'}_0.jpg" for name in ODD_NAMES}
    for path in folder.iterdir():
        path.unlink()
    for path in map(Path, expected):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode())

    assert small_run.main("run", "--to", "images") == 0

    left_out = small_run.table("left_out")
    actual = {*small_run.table("image_index")["uri"], *left_out.loc[left_out["reason"] == "duplicate", "id"]}
    assert actual == expected
    assert all(read_image(uri, None, None, max_bytes=1000) == Path(uri).name.encode() for uri in expected)
