"""The stage dataset with imported features: each row of the files is in the training set or has its reason."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import pytest

from config_files import run_config
from small_tables import write_rows
from streetdeciles.dataset import stage
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.tables import AREA_LABELS, FEATURES, LOCATIONS, REJECTS
from streetdeciles.training_set.reader import open_training_set

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from streetdeciles.config import RunConfig
    from streetdeciles.run_log import StageReport
    from streetdeciles.training_set.columns import Batch

N, AREAS, VIEWS, SIZE = 24, 6, 2, 3


def location_id(i: int) -> str:
    return f"{i:05d}"


def feature(i: int, view: int) -> list[float]:
    return [float(i), float(view), 0.5]


def all_features(n: int = N) -> np.ndarray:
    return np.array([[feature(i, view) for view in range(VIEWS)] for i in range(n)], np.float32)


def write_labels(work_dir: Path) -> None:
    work_dir.mkdir(exist_ok=True)
    locations = [(location_id(i), "town", f"E{i % AREAS}") for i in range(N)]
    labels = [("town", f"E{a}", "imd", float(a), a + 1) for a in range(AREAS)]
    write_rows(LOCATIONS, locations, work_dir)
    write_rows(AREA_LABELS, labels, work_dir)


def config_of(work_dir: Path, features: Path, table: Path | None = None, **dataset: Any) -> RunConfig:
    section = {"features": str(features), **({"table": str(table)} if table else {})}
    return run_config(work_dir, images=None, dataset={"folds": 3, "import": section, **dataset}, seed=3)


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    write_labels(tmp_path / "out")
    return tmp_path / "out"


def run(spark: SparkSession, config: RunConfig) -> tuple[StageReport, Batch]:
    report = stage.run(spark, config)
    (batch,) = open_training_set(f"{config.work_dir}/training_set")
    return report, batch


def left_out(work_dir: Path) -> list[list[str]]:
    rows = pd.read_parquet(work_dir / "left_out").sort_values(["id"])
    return rows[["id", "reason", "detail"]].to_numpy().tolist()


def write_hdf5(folder: Path, features: np.ndarray, ids: list[str | None], **arrays: Any) -> tuple[Path, Path]:
    with h5py.File(folder / "features.h5", "w") as file:
        file["features"] = features
        for name, array in arrays.items():
            file[name] = array
    pd.DataFrame({"img_id": ids, "lsoa11": "E1"}).to_csv(folder / "table.csv", index=False)
    return folder / "features.h5", folder / "table.csv"


def test_rows_of_hdf5_are_used_or_have_their_reason(spark: SparkSession, tmp_path: Path, work_dir: Path) -> None:
    ids: list[str | None] = [location_id(i) for i in range(N)]
    features = all_features()
    ids[3] = "99999"  # not in labels.locations
    ids[4] = location_id(5)  # twice
    ids[6] = None
    features[7, 1, 2] = np.nan
    features[8, :, 0] = np.inf
    features[9] = features[10]
    config = config_of(work_dir, *write_hdf5(tmp_path, features, ids), max_lost_share=0.5)

    report, rows = run(spark, config)

    assert list(rows["location_id"]) == [location_id(i) for i in range(N) if i not in (3, 4, 6, 8)]
    for at, name in enumerate(rows["location_id"]):
        i = 4 if name == location_id(5) else int(name)  # the first of two rows
        expected = [feature(10 if i == 9 else i, view) for view in range(VIEWS)]
        if i == 7:
            expected[1] = [0, 0, 0]
        assert rows["features"][at].tolist() == expected
        assert rows["view_mask"][at].tolist() == [True, i != 7]
    assert report.counts == {
        "locations": 24,
        "rows": 20,
        "left out: not_imported": 3,
        "left out: no_features": 1,
        "imported views": 48,
        "imported views used": 39,
        "imported views not used: no_location_id": 2,
        "imported views not used: not_finite": 3,
        "imported views not used: unknown_location": 2,
        "imported views not used: view_twice": 2,
        "rows in training_set.h5": 20,
    }
    assert left_out(work_dir) == [
        ["00003", "not_imported", "dataset.import has no features with this location_id"],
        ["00004", "not_imported", "dataset.import has no features with this location_id"],
        ["00006", "not_imported", "dataset.import has no features with this location_id"],
        [
            "00008",
            "no_features",
            "each of its imported views was rejected (2), see their own rows in left_out",
        ],
        [
            "99999",
            "unknown_location",
            "2 imported view(s), e.g. features.h5 row 000000003 view 0, of a location that labels.locations does not "
            "have",
        ],
        *(
            [
                f"features.h5 row 000000005 view {view}",
                "view_twice",
                "imported view of location 00005: another imported view of the same view is used",
            ]
            for view in range(VIEWS)
        ),
        *(
            [f"features.h5 row 000000006 view {view}", "no_location_id", "its row of the table has no location_id"]
            for view in range(VIEWS)
        ),
        ["features.h5 row 000000007 view 1", "not_finite", "1 of its 3 numbers are NaN or infinite"],
        *(
            [f"features.h5 row 000000008 view {view}", "not_finite", "1 of its 3 numbers are NaN or infinite"]
            for view in range(VIEWS)
        ),
    ]
    assert report.notes[-3:] == [
        "1 of 20 locations lack some of their 2 views: zeros in features, false in view_mask",
        "3 of 24 locations (12.5%) have no imported views",
        "2 locations have the same imported features as another one, as the reference's code leaves them after a "
        "photograph that it cannot read (docs/reference.md, 2)",
    ]
    assert list((work_dir / "_staging").glob("*")) == []


def test_export_imported_again_gives_the_same_training_set(spark: SparkSession, tmp_path: Path, work_dir: Path) -> None:
    rows = [
        (f"{location_id(i)}_{view}.jpg", location_id(i), view, feature(i, view), None, False, 0)
        for i in range(N - 2)
        for view in range(VIEWS)
        if (i, view) != (5, 0)
    ]
    write_rows(FEATURES, rows, work_dir)
    write_rows(REJECTS, [], work_dir)
    exported = run_config(work_dir, images={"folder": "p", "views": VIEWS}, dataset={"folds": 3}, seed=3)
    _, before = run(spark, exported)
    write_labels(tmp_path / "again")
    config = config_of(tmp_path / "again", work_dir / "training_set.h5", work_dir / "training_set.csv")

    report, after = run(spark, config)

    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
    assert report.counts["imported views"] == 43
    assert not after["view_mask"][5][0]
    with h5py.File(tmp_path / "again" / "training_set.h5") as file:
        np.testing.assert_array_equal(file["features"][:], before["features"])
    assert (tmp_path / "again/training_set.csv").read_text() == (work_dir / "training_set.csv").read_text()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write_files(folder: Path) -> None:
    """Locations 0 to 9 as files, 10 to 21 in two archives; 22 is damaged, 23 has another shape."""
    (folder / "north").mkdir(parents=True)
    features = all_features()
    for i in range(10):
        (folder / "north" / f"{location_id(i)}.npy").write_bytes(npy(features[i]))
    for number in range(2):
        with tarfile.open(folder / f"packed_{number}.tgz", "w:gz") as archive:
            for i in range(10 + 6 * number, 16 + 6 * number):
                content = npy(features[i])
                member = tarfile.TarInfo(f"deep/{location_id(i)}.npy")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    (folder / f"{location_id(22)}.npy").write_bytes(npy(features[22])[:-1])
    np.savez(folder / f"{location_id(23)}.npz", features=features[23][:, :2])
    (folder / "README.txt").write_text("features of 2019")


def test_files_by_location_are_used_or_have_their_reason(spark: SparkSession, tmp_path: Path, work_dir: Path) -> None:
    write_files(tmp_path / "features")

    report, rows = run(spark, config_of(work_dir, tmp_path / "features"))

    assert list(rows["location_id"]) == [location_id(i) for i in range(22)]
    np.testing.assert_array_equal(rows["features"], all_features(22))
    assert report.counts == {
        "locations": 24,
        "rows": 22,
        "left out: no_features": 2,
        "imported views": 48,
        "imported views used": 44,
        "imported views not used: not_an_array": 2,
        "imported views not used: wrong_shape": 2,
        "rows in training_set.h5": 22,
    }
    actual = {(name, reason): detail for name, reason, detail in left_out(work_dir)}
    assert sorted(actual) == [
        ("00022", "no_features"),
        ("00022.npy", "not_an_array"),
        ("00023", "no_features"),
        ("00023.npz view 0", "wrong_shape"),
        ("00023.npz view 1", "wrong_shape"),
        ("README.txt", "name_does_not_match"),
    ]
    assert actual["00023.npz view 0", "wrong_shape"] == "2 x 2 numbers, and most have 2 x 3"


def test_one_packed_archive_is_read(spark: SparkSession, tmp_path: Path, work_dir: Path) -> None:
    write_files(tmp_path / "features")
    archive = tmp_path / "features" / "packed_1.tgz"

    report, rows = run(spark, config_of(work_dir, archive, hdf5=False))

    assert list(rows["location_id"]) == [location_id(i) for i in range(16, 22)]
    np.testing.assert_array_equal(rows["features"], all_features(22)[16:])
    assert report.counts["left out: not_imported"] == 18


def test_too_many_lost_views_end_the_run_with_reasons(spark: SparkSession, tmp_path: Path, work_dir: Path) -> None:
    features = all_features()
    features[:8] = np.nan
    config = config_of(work_dir, *write_hdf5(tmp_path, features, [location_id(i) for i in range(N)]))

    with pytest.raises(RunFailed) as failed:
        stage.run(spark, config)

    assert str(failed.value) == (
        "dataset: 33% of the imported views are not used, more than dataset.max_lost_share 0.2: 16 not_finite (NaN or "
        "infinite numbers); correct that (the table left_out lists each), or allow it with dataset.max_lost_share: 0.34"
    )


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([f"x{i}" for i in range(N)], "no imported view belongs to a location of labels.locations.+ e.g. 'x0'"),
        ([None] * N, "nothing in .+features.h5 can be used .no_location_id: features.h5 row 000000000 view 0"),
    ],
)
def test_nothing_in_common_is_refused(
    spark: SparkSession, tmp_path: Path, work_dir: Path, ids: list[str | None], expected: str
) -> None:
    config = config_of(work_dir, *write_hdf5(tmp_path, all_features(), ids))

    with pytest.raises(RunRefused, match=expected):
        stage.run(spark, config)
