"""The whole stage on tables of a few rows: every row is accounted for, and stands where it should."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import pytest

from config_files import run_config
from small_tables import write_rows
from streetdeciles.config import RunConfig
from streetdeciles.dataset import stage
from streetdeciles.errors import RunRefused
from streetdeciles.run_log import StageReport
from streetdeciles.tables import AREA_LABELS, FEATURES, LEFT_OUT, LOCATIONS, REJECTS
from streetdeciles.training_set.fold_codes import LEARNED
from streetdeciles.training_set.reader import open_training_set

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

VIEWS = 2
N = 60
AREAS = 12
NO_PHOTOGRAPH, NO_FEATURES, ONE_VIEW, VIEW_TWICE = 3, 4, 5, 6


def make_config(work_dir: Path, **dataset: Any) -> RunConfig:
    return run_config(
        work_dir,
        seed=3,
        images={"views": VIEWS, "pattern": "{location_id}_{view}.jpg"},
        dataset={"outcomes": ["imd", "imd_crime"], **(dataset or {"folds": 3})},
    )


def location_id(i: int) -> str:
    return f"L{i:03d}"


def area_id(i: int) -> str:
    return f"E{i % AREAS:02d}"


def feature(i: int, view: int) -> list[float]:
    return [float(i), float(view), 0.5]


def write_tables(work_dir: Path, *, features: list[tuple[Any, ...]]) -> None:
    locations = [(location_id(i), "town", area_id(i), f"oa{i}", None, None, None) for i in range(N)]
    # E11 has no decile of imd_crime, E10 none of either.
    labels = [
        ("town", f"E{a:02d}", outcome, float(a), a % 10 + 1)
        for a in range(AREAS)
        for outcome in ("imd", "imd_crime", "imd_health")
        if a != 10 and not (a == 11 and outcome == "imd_crime")
    ]
    rejects = [(f"{location_id(NO_FEATURES)}_0.jpg", location_id(NO_FEATURES), 0, "x", "truncated", "", None, 1)]
    for table, rows in ((LOCATIONS, locations), (AREA_LABELS, labels), (FEATURES, features), (REJECTS, rejects)):
        write_rows(table, rows, work_dir)


def some_features() -> list[tuple[Any, ...]]:
    rows = [
        (f"{location_id(i)}_{view}.jpg", location_id(i), view, feature(i, view), None, False, i % 3)
        for i in range(N)
        for view in range(VIEWS)
        if i not in (NO_PHOTOGRAPH, NO_FEATURES) and not (i == ONE_VIEW and view == 0)
    ]
    rows.append((f"{location_id(VIEW_TWICE)}_1.png", location_id(VIEW_TWICE), 1, [9.0, 9.0, 9.0], None, False, 0))
    rows += [(f"nowhere_{view}.jpg", "nowhere", view, [7.0, 7.0, 7.0], None, False, 0) for view in range(VIEWS)]
    rows.append(("L001_5.jpg", "L001", 5, [8.0, 8.0, 8.0], None, False, 0))
    return rows


@pytest.fixture(scope="module")
def finished(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StageReport]:
    work_dir = tmp_path_factory.mktemp("a run")
    write_tables(work_dir, features=some_features())
    return work_dir, stage.run(spark, make_config(work_dir))


@pytest.fixture(scope="module")
def rows(finished: tuple[Path, StageReport]) -> dict[str, np.ndarray]:
    (batch,) = open_training_set(str(finished[0] / "training_set"))
    return batch


def test_rows_are_numbered_by_location_id(rows: dict[str, np.ndarray]) -> None:
    expected = [location_id(i) for i in range(N) if i not in (NO_PHOTOGRAPH, NO_FEATURES)]
    assert list(rows["location_id"]) == expected
    assert list(rows["row_number"]) == list(range(N - 2))


def test_every_location_has_its_own_features(rows: dict[str, np.ndarray]) -> None:
    for row, name in enumerate(rows["location_id"]):
        i = int(name[1:])
        expected = [feature(i, view) for view in range(VIEWS)]
        if i == ONE_VIEW:
            expected[0] = [0, 0, 0]
        assert rows["features"][row].tolist() == expected
        assert rows["view_mask"][row].tolist() == [i != ONE_VIEW, True]


def test_deciles_are_those_of_the_area_or_not_known(rows: dict[str, np.ndarray]) -> None:
    areas = [int(area[1:]) for area in rows["area_id"]]
    assert list(rows["area_id"]) == [area_id(int(name[1:])) for name in rows["location_id"]]
    assert list(rows["imd"]) == [0 if a == 10 else a % 10 + 1 for a in areas]
    assert list(rows["imd_crime"]) == [0 if a >= 10 else a % 10 + 1 for a in areas]
    assert "imd_health" not in rows
    assert list(rows["oa"][:2]) == ["oa0", "oa1"]
    assert set(rows["region"]) == {"town"}


def test_an_area_is_in_one_fold(rows: dict[str, np.ndarray]) -> None:
    folds = pd.DataFrame({"area": rows["area_id"], "fold": rows["fold"]}).drop_duplicates()
    assert len(folds) == AREAS
    assert folds["fold"].value_counts().to_dict() == {0: 4, 1: 4, 2: 4}


def test_what_is_left_out_says_why(finished: tuple[Path, StageReport]) -> None:
    left_out = pd.read_parquet(finished[0] / LEFT_OUT.name)
    left_out = left_out[left_out["stage"] == "dataset"].sort_values("id")
    assert left_out[["id", "reason"]].to_numpy().tolist() == [
        ["L001_5.jpg", "unknown_view"],
        ["L003", "no_photograph"],
        ["L004", "no_features"],
        ["L006_1.png", "view_twice"],
        ["nowhere", "unknown_location"],
    ]
    assert left_out["detail"].str.len().min() > 20


def test_counts_add_up_and_notes_name_what_is_not_known(finished: tuple[Path, StageReport]) -> None:
    report = finished[1]
    assert report.counts == {
        "locations": 60,
        "rows": 58,
        "left out: no_photograph": 1,
        "left out: no_features": 1,
        "photographs with features": 119,
        "photographs used": 115,
        "photographs not used: unknown_location": 2,
        "photographs not used: unknown_view": 1,
        "photographs not used: view_twice": 1,
        "rows in training_set.h5": 58,
    }
    assert report.notes[0].startswith("areas and locations of the 3 folds: 4 and ")
    assert [note.split(";")[0] for note in report.notes[1:]] == [
        "5 location(s) are in areas without a decile of imd",
        "10 location(s) are in areas without a decile of imd_crime",
        "5 location(s) are in areas without a decile of any outcome",
        "1 of 58 locations lack some of their 2 views: zeros in features, false in view_mask",
        "1 of 60 locations (1.7%) have no photographs",
    ]


def test_hdf5_and_csv_hold_the_same_rows(finished: tuple[Path, StageReport], rows: dict[str, np.ndarray]) -> None:
    table = pd.read_csv(finished[0] / "training_set.csv")
    assert list(table) == ["location_id", "region", "area_id", "oa", "msoa", "fold", "imd", "imd_crime"]
    assert table["location_id"].tolist() == rows["location_id"].tolist()
    assert table["fold"].tolist() == rows["fold"].tolist()
    assert table["imd_crime"].fillna(0).tolist() == rows["imd_crime"].tolist()
    with h5py.File(finished[0] / "training_set.h5") as file:
        assert file["features"].dtype == np.float32
        assert file["features"].shape == (N - 2, VIEWS, 3)
        # By content, not by position: the second view's first number is the location's.
        assert file["features"][:, 1, 0].tolist() == [float(name[1:]) for name in table["location_id"]]
        np.testing.assert_array_equal(file["features"][:], rows["features"])
        np.testing.assert_array_equal(file["view_mask"][:], rows["view_mask"])


def test_nothing_unfinished_is_left(finished: tuple[Path, StageReport]) -> None:
    assert list((finished[0] / "_staging").glob("*")) == []


def test_a_second_run_gives_the_same_rows_and_no_old_export(
    spark: SparkSession, finished: tuple[Path, StageReport], rows: dict[str, np.ndarray], tmp_path: Path
) -> None:
    for name in ("locations", "area_labels", "features", "rejects"):
        (tmp_path / name).symlink_to(finished[0] / name)
    (tmp_path / "training_set.h5").write_bytes(b"of an older run")
    spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        stage.run(spark, make_config(tmp_path, folds=3, hdf5=False))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", "2")
    (again,) = open_training_set(str(tmp_path / "training_set"))
    for name, values in rows.items():
        np.testing.assert_array_equal(again[name], values)
    assert not (tmp_path / "training_set.h5").exists()


def test_spark_settings_are_as_before(spark: SparkSession, finished: tuple[Path, StageReport]) -> None:
    assert spark.conf.get("spark.sql.parquet.columnarReaderBatchSize") == "4096"
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == "10000"


def test_photographs_of_other_places_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    write_tables(tmp_path, features=[("x_0.jpg", "x", 0, [1.0], None, False, 0)])
    with pytest.raises(
        RunRefused, match=r"no photograph belongs .* e\.g\. 'L\d+' there, and by images\.pattern e\.g\. 'x'"
    ):
        stage.run(spark, make_config(tmp_path))


@pytest.fixture
def tables(finished: tuple[Path, StageReport], tmp_path: Path) -> Path:
    """A work_dir with the tables that the stage reads."""
    for name in ("locations", "area_labels", "features", "rejects"):
        (tmp_path / name).symlink_to(finished[0] / name)
    return tmp_path


def test_train_test_holds_out_whole_areas(spark: SparkSession, tables: Path) -> None:
    report = stage.run(spark, make_config(tables, split="train_test", test_share=0.25, hdf5=False))
    (rows,) = open_training_set(str(tables / "training_set"), ["area_id", "fold"])
    folds = pd.DataFrame({"area": rows["area_id"], "fold": rows["fold"]}).drop_duplicates()
    assert len(folds) == AREAS
    assert folds["fold"].value_counts().to_dict() == {LEARNED: 9, 0: 3}
    n_held_out = int((rows["fold"] == 0).sum())
    assert report.notes[0] == (
        f"areas and locations of the split train_test: 9 and {58 - n_held_out} to learn from, "
        f"3 and {n_held_out} held out"
    )


def test_by_class_says_how_many_each_outcome_holds_out(spark: SparkSession, tables: Path) -> None:
    report = stage.run(spark, make_config(tables, split="by_class", held_out_deciles=[1, 2], hdf5=False))
    (rows,) = open_training_set(str(tables / "training_set"), ["fold", "imd", "imd_crime"])
    assert set(rows["fold"]) == {LEARNED}
    n_of = {name: int(np.isin(rows[name], [1, 2]).sum()) for name in ("imd", "imd_crime")}
    assert n_of["imd"] > n_of["imd_crime"] > 0  # E11 has no decile of imd_crime
    assert report.notes[1:3] == [f"{name}: {n} location(s) are held out" for name, n in n_of.items()]


def test_deciles_that_no_location_has_cannot_be_held_out(spark: SparkSession, tmp_path: Path) -> None:
    features = [
        (f"{location_id(i)}_0.jpg", location_id(i), 0, feature(i, 0), None, False, 0) for i in (1, 2)
    ]  # deciles 2 and 3
    write_tables(tmp_path, features=features)
    with pytest.raises(RunRefused, match="no location with photographs has decile 5, 6 of any outcome; hold out"):
        stage.run(spark, make_config(tmp_path, split="by_class", held_out_deciles=[5, 6]))
