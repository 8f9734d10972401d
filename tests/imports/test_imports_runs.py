"""Runs with `dataset.import` by the command line: which stages there are, and what is refused before any work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from small_run import LOCATION_IDS, SmallRun
from streetdeciles.config_file import load_config
from streetdeciles.plans import plan
from streetdeciles.run_log import refuse_other_config, save_config
from streetdeciles.stages import STAGE_NAMES

HDF5 = {"features": "features.h5", "table": "table.csv"}


@pytest.fixture
def importing(small_run: SmallRun) -> SmallRun:
    """The small run with features of its locations in HDF5, and a table as the reference writes it."""
    shutil.rmtree(small_run.folder / "photographs")
    write_features(small_run.folder, len(LOCATION_IDS))
    write_table(small_run.folder, LOCATION_IDS)
    small_run.set(images=None, features=None, dataset={"import": HDF5})
    return small_run


def write_features(folder: Path, n: int) -> None:
    with h5py.File(folder / "features.h5", "w") as file:
        file["features"] = np.random.default_rng(1).normal(size=(n, 4, 8)).astype(np.float32)


def write_table(folder: Path, ids: Any) -> None:
    pd.DataFrame({"img_id": ids, "lsoa11": "E01004646"}).to_csv(folder / "table.csv", index=False)


def test_run_has_neither_images_nor_features(importing: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    config = load_config(str(importing.config))
    steps = plan(config, STAGE_NAMES, force=False)

    assert [step.stage.name for step in steps] == [name for name in STAGE_NAMES if name not in ("images", "features")]
    assert steps[1].stage.reads == ("labels",)
    assert steps[1].inputs.keys() == {"dataset.import.features", "dataset.import.table"}
    assert importing.main("run", "--dry-run") == 0
    for command in (["images", "--dry-run"], ["features", "--status"], ["run", "--from", "images", "--to", "features"]):
        assert importing.main(*command) == 2
        assert "dataset.import takes the place of images and features; run the stage dataset" in capsys.readouterr().err
    assert importing.main("plan", "--photographs", "10") == 2
    assert "dataset.import has neither" in capsys.readouterr().err


def test_changed_features_make_the_training_set_again(importing: SmallRun) -> None:
    importing.set(dataset={"hdf5": False})
    assert importing.main("run", "--to", "dataset") == 0
    config = load_config(str(importing.config))

    def actions() -> dict[str, str]:
        steps = plan(config, ("labels", "dataset"), force=False)[:2]
        return {step.stage.name: step.why for step in steps if step.why}

    assert actions() == {}
    table = importing.folder / "table.csv"
    table.write_text(table.read_text() + " \n")
    assert actions() == {"dataset": "dataset.import.table has changed"}
    write_table(importing.folder, LOCATION_IDS)
    assert actions() == {}
    (importing.folder / "training_set_parts").mkdir()
    assert actions() == {"dataset": "dataset.import.features (training_set_parts) has changed"}
    write_features(importing.folder, len(LOCATION_IDS) + 1)
    assert actions() == {"dataset": "dataset.import.features has changed"}


def test_features_without_rows_for_all_of_the_table_are_explained(
    importing: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    write_features(importing.folder, len(LOCATION_IDS) - 1)

    assert importing.main("run") == 2
    assert capsys.readouterr().err.endswith(
        f"error: dataset.import: {importing.folder}/features.h5 has 11 rows of features, and "
        f"{importing.folder}/table.csv has 12 rows; row i of both must be the same location. The reference's code "
        "leaves locations without photographs out of the features and keeps them in the table, so from the first of "
        "them on each row of features belongs to another location (docs/reference.md, 3), and nothing in the files "
        "says which locations these are. Remove those rows from the table if you know them, or make the features "
        "again\n"
    )
    assert not (importing.work_dir / "run_log").exists()


def features_file(folder: Path) -> None:
    (folder / "features.h5").write_bytes(b"img_id\n00000\n")


def other_ids(folder: Path) -> None:
    write_table(folder, [f"x{i}" for i in range(len(LOCATION_IDS))])


def empty_folder(folder: Path) -> None:
    (folder / "features.h5").unlink()
    (folder / "features.h5").mkdir()
    (folder / "features.h5" / "00001.txt").write_text("x")


def nothing(folder: Path) -> None:
    """Leave the files as they are."""


@pytest.mark.parametrize(
    ("change", "section", "expected"),
    [
        (lambda folder: write_features(folder, 13), HDF5, "has 13 rows of features, .+ Take the table that was made"),
        (nothing, {"features": "features.h5"}, "dataset.import.table: .+ does not say which location a row is of"),
        (
            nothing,
            {**HDF5, "location_id": "pcd"},
            "has no column pcd; set dataset.import.location_id .+ img_id",
        ),
        (nothing, {**HDF5, "features": "absent.h5"}, "dataset.import.features: .+: no such file or folder"),
        (nothing, {**HDF5, "file": "x"}, "dataset.import.file: unknown key; allowed: features, table, location_id"),
        (
            nothing,
            {"features": "features.h5", "location_id": "x"},
            "is a column of table, which is not set",
        ),
        (features_file, HDF5, "is not HDF5, nor a folder or archive"),
        (
            other_ids,
            HDF5,
            "of the location_ids of 12 location.+ imported features have e.g. 'x0', locations '00000'",
        ),
        (empty_folder, HDF5, "dataset.import.table has no effect with files by location"),
        (empty_folder, {"features": "features.h5"}, "no file in .+ is called <location_id>.npy or .npz .+00001.txt"),
    ],
)
def test_mistakes_are_refused_before_any_work(
    importing: SmallRun,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    section: dict[str, str],
    expected: str,
) -> None:
    change(importing.folder)
    importing.set(dataset={"import": None})
    importing.set(dataset={"import": section})

    assert importing.main("run", "--dry-run") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert pd.Series([line]).str.contains(expected).all(), line


@pytest.mark.parametrize("section", ["images", "features"])
def test_sections_without_effect_are_refused(
    importing: SmallRun, capsys: pytest.CaptureFixture[str], section: str
) -> None:
    importing.set(**{section: {"folder": "."} if section == "images" else {"precision": "float32"}})

    assert importing.main("run", "--dry-run") == 2
    assert (
        f"{section} would have no effect with dataset.import, whose features take the place of photographs; remove one "
        "or the other\n"
    ) in capsys.readouterr().err


def test_work_dir_may_go_over_to_imported_features(small_run: SmallRun, importing: SmallRun) -> None:
    """The saved config is then that of the import alone, so that it can be compared again."""
    imports = load_config(str(importing.config))
    importing.set(dataset={"import": None}, images={"folder": "."})
    save_config(load_config(str(importing.config)))

    save_config(imports)

    refuse_other_config(imports)
