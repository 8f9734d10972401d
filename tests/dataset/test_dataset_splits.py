"""The stage with splits that look at places, levels and the user's folds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from config_files import run_config
from small_tables import write_rows
from streetdeciles.config import RunConfig
from streetdeciles.dataset import stage
from streetdeciles.dataset.preflight import preflight
from streetdeciles.errors import RunRefused
from streetdeciles.tables import AREA_LABELS, FEATURES, LOCATIONS, REJECTS
from streetdeciles.training_set.fold_codes import LEARNED
from streetdeciles.training_set.reader import open_training_set

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = ["area_id", "oa", "msoa", "unit", "fold", "block", "buffer_of"]
SIDE = 6


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Areas on a lattice with 1 km between neighbours, two locations each; MSOAs of three areas; E35 has no MSOA."""
    folder = tmp_path_factory.mktemp("tables")
    areas = range(SIDE * SIDE)
    locations = [
        (
            f"L{a:02d}{i}",
            "town",
            f"E{a:02d}",
            f"O{a:02d}{i}",
            f"M{a // 3:02d}" if a < 35 else None,
            53.5 + 0.009 * (a // SIDE) + 0.0002 * i,
            -2.2 + 0.015 * (a % SIDE),
            "D1" if a < 18 else "D2",
        )
        for a in areas
        for i in range(2)
    ]
    labels = [("town", f"E{a:02d}", "imd", float(a), a % 10 + 1) for a in areas]
    features = [(f"{row[0]}_0.jpg", row[0], 0, [float(i), 1.0], None, False, 0) for i, row in enumerate(locations)]
    for table, rows in ((LOCATIONS, locations), (AREA_LABELS, labels), (FEATURES, features), (REJECTS, [])):
        write_rows(table, rows, folder)
    return folder


@pytest.fixture
def work_dir(tables: Path, tmp_path: Path) -> Path:
    for path in tables.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def config(work_dir: Path, *, locations: str = "locations.csv", **dataset: Any) -> RunConfig:
    return run_config(
        work_dir,
        labels={"locations": locations},
        images={"views": 1, "pattern": "{location_id}_{view}.jpg"},
        dataset={"hdf5": False, **dataset},
    )


def rows_of(work_dir: Path) -> pd.DataFrame:
    (batch,) = open_training_set(str(work_dir / "training_set"), COLUMNS)
    return pd.DataFrame({name: batch[name] for name in COLUMNS})


def test_spatial_blocks_are_in_the_training_set_and_the_report(spark: SparkSession, work_dir: Path) -> None:
    report = stage.run(spark, config(work_dir, split="spatial_blocks", folds=3, buffer_m=1100))
    rows = rows_of(work_dir)
    assert rows.groupby("area_id")[["fold", "block", "buffer_of"]].nunique().eq(1).all(axis=None)
    assert {*rows["block"]} == {*range(12)}
    near = rows["buffer_of"].str.split().map(len)
    assert 0 < (near > 0).mean() < 1
    assert not any(str(fold) in texts.split() for fold, texts in zip(rows["fold"], rows["buffer_of"], strict=True))
    n_left_out = [rows.loc[rows["buffer_of"].str.contains(str(f)), "area_id"].nunique() for f in range(3)]
    assert report.notes[0].startswith("spatial_blocks: 12 contiguous blocks in 3 folds (4, 4, 4); areas and locations")
    assert f"buffer of 1100 m: left out of training {', '.join(map(str, n_left_out))} areas" in report.notes[0]
    assert report.notes[1] == "distances are between areas' centres: the means of their locations' coordinates"


def test_an_msoa_is_in_one_fold(spark: SparkSession, work_dir: Path) -> None:
    report = stage.run(spark, config(work_dir, folds=3, split_level="msoa"))
    rows = rows_of(work_dir)
    assert rows["unit"].tolist() == rows["msoa"].fillna(rows["area_id"]).tolist()
    assert rows.groupby("unit")["fold"].nunique().eq(1).all()
    assert "the split keeps each msoa together (dataset.split_level): 13 units, counted as areas" in report.notes
    assert "2 location(s) have no msoa, so their area is kept together instead" in report.notes


def test_output_areas_divide_areas_with_a_warning(spark: SparkSession, work_dir: Path) -> None:
    report = stage.run(spark, config(work_dir, folds=2, split_level="oa"))
    rows = rows_of(work_dir)
    n_divided = int((rows.groupby("area_id")["fold"].nunique() > 1).sum())
    assert n_divided > 0
    (warning,) = [note for note in report.notes if "several folds" in note]
    assert warning.startswith(f"{n_divided} area(s) are in several folds, so models have learned from other locations")


def test_folds_come_from_a_table_of_areas(spark: SparkSession, work_dir: Path) -> None:
    lines = [f"e{a:02d},{'west' if a % SIDE < 3 else 'east'}" for a in range(34)]
    (work_dir / "folds.csv").write_text("\n".join(["area_id,part", *lines, "E34,", "E99,east"]))
    report = stage.run(
        spark, config(work_dir, split="column", fold_column="part", fold_file=str(work_dir / "folds.csv"))
    )
    folds = rows_of(work_dir).drop_duplicates("area_id").set_index("area_id")["fold"].to_dict()
    assert folds == {f"E{a:02d}": int(a % SIDE < 3) for a in range(34)} | {"E34": LEARNED, "E35": LEARNED}
    assert report.notes[0].endswith("2 and 4 without a value, which every model learns from")
    assert report.notes[1] == (
        f"1 area(s) of {work_dir}/folds.csv have no location with photographs, e.g. E99: not used"
    )


def write_locations(work_dir: Path, last: str) -> str:
    """Folds 1 and 2 by area, but `last` for the last location."""
    ids = [f"L{a:02d}{i}" for a in range(SIDE * SIDE) for i in range(2)]
    values = [str(int(name[1:3]) % 2 + 1) for name in ids[:-1]]
    lines = [f"{name},{value}" for name, value in zip(ids, [*values, last], strict=True)]
    (work_dir / "places.csv").write_text("\n".join(["location_id,Fold", *lines]))
    return str(work_dir / "places.csv")


def test_folds_come_from_a_column_of_the_locations(spark: SparkSession, work_dir: Path) -> None:
    path = write_locations(work_dir, last="2")
    report = stage.run(spark, config(work_dir, locations=path, split="column", fold_column="fold"))
    rows = rows_of(work_dir)
    assert rows["fold"].tolist() == [int(area[1:]) % 2 + 1 for area in rows["area_id"]]
    assert report.notes[0] == ("areas and locations of the 2 folds in the column fold: 18 and 36 in 1, 18 and 36 in 2")


def test_an_area_in_two_parts_is_refused(spark: SparkSession, work_dir: Path) -> None:
    path = write_locations(work_dir, last="1")
    with pytest.raises(
        RunRefused, match=r"1 area\(s\) have several folds, e.g. E35 has Fold 1 and 2; all locations of"
    ):
        stage.run(spark, config(work_dir, locations=path, split="column", fold_column="fold"))


def test_a_table_without_the_column_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "folds.csv").write_text("area_id,part\nE00,1\n")
    with pytest.raises(RunRefused, match=r"the column fold is not in the header .*; there are area_id, part"):
        preflight(config(tmp_path, split="column", fold_column="fold", fold_file=str(tmp_path / "folds.csv")))
