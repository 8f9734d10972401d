"""The training set as HDF5: in one file or several, where there is no room, and when it is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from small_run import SmallRun
from streetdeciles.dataset import hdf5
from streetdeciles.dataset.hdf5 import LOCATION_COLUMNS, write_files
from streetdeciles.training_set.columns import Batch, TrainingSetShape

SHAPE = TrainingSetShape(rows=23, views=2, feature_size=300, outcomes=("imd",))
BYTES_PER_ROW = 2 * (4 * 300 + 1)

LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from streetdeciles.dataset.hdf5 import LOCATION_COLUMNS, write_files
from streetdeciles.training_set.columns import TrainingSetShape

shape = TrainingSetShape(rows=12, views=2, feature_size=4800, outcomes=("imd",))
batch = {name: np.array(["x"] * 12) for name in LOCATION_COLUMNS}
batch |= {"row_number": np.arange(12), "features": np.ones((12, 2, 4800), "float32")}
batch |= {"view_mask": np.ones((12, 2), bool), "imd": np.ones(12, int)}
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    write_files([batch], shape, Path(sys.argv[1]))
except OSError as error:
    print(error.strerror, error.filename)
"""


def test_no_room_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """HDF5 1.14 ends the process by a segmentation fault after a failed write, be it minutes later."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"File too large {tmp_path}/training_set.h5\n"


def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(23, 2, 300)).astype(np.float32)


def view_mask() -> np.ndarray:
    return np.arange(46).reshape(23, 2) % 3 > 0


def batches(rows_per_batch: int) -> Iterator[Batch]:
    for start in range(0, SHAPE.rows, rows_per_batch):
        rows = np.arange(start, min(start + rows_per_batch, SHAPE.rows))
        texts = dict.fromkeys(LOCATION_COLUMNS, np.array([f"x{row}" for row in rows], object))
        arrays = {"features": features()[rows], "view_mask": view_mask()[rows]}
        yield {**texts, **arrays, "row_number": rows, "imd": rows % 10 + 1}


@pytest.mark.parametrize("rows_per_batch", [4, 5, 23])
@pytest.mark.parametrize(("rows_per_file", "n_parts"), [(1, 23), (5, 5), (22, 2), (23, 0), (100, 0)])
def test_parts_are_read_as_one_file(
    rows_per_batch: int, rows_per_file: int, n_parts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = rows_per_file * BYTES_PER_ROW + hdf5.HEADERS_BYTES
    monkeypatch.setattr(hdf5, "_MAX_FILE_BYTES", largest)
    (tmp_path / "written").mkdir()
    write_files(batches(rows_per_batch), SHAPE, tmp_path / "written")
    moved = (tmp_path / "written").rename(tmp_path / "moved elsewhere")

    assert len(list(moved.glob("training_set_parts/part-*.h5"))) == n_parts
    assert all(path.stat().st_size <= largest for path in moved.rglob("*.h5"))
    with h5py.File(moved / "training_set.h5") as file:
        np.testing.assert_array_equal(file["features"][:], features())
        np.testing.assert_array_equal(file["view_mask"][:], view_mask())
        np.testing.assert_array_equal(file["features"][3:9, 1], features()[3:9, 1])
        assert file["features"].dtype == np.float32
        assert file["view_mask"].dtype == np.bool_
    assert pd.read_csv(moved / "training_set.csv")["location_id"].tolist() == [f"x{row}" for row in range(23)]


def content_of(work_dir: Path) -> list[object]:
    with h5py.File(work_dir / "training_set.h5") as file:
        arrays = [file[name][:].tolist() for name in ("features", "view_mask")]
    return [*arrays, (work_dir / "training_set.csv").read_text()]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def test_a_lost_export_is_made_again_alone(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "_MAX_FILE_BYTES", hdf5.HEADERS_BYTES + 5 * 2 * (4 * 48 + 1))
    assert small_run.main("run", "--to", "dataset") == 0
    work_dir = small_run.work_dir
    exported = content_of(work_dir)
    mark = json.loads((work_dir / "run_log" / "dataset.json").read_text())
    damages: dict[str, Callable[[Path], None]] = {
        "training_set.h5": Path.unlink,
        "training_set_parts": shutil.rmtree,
        "training_set.csv": cut_short,
    }
    for name, damage in damages.items():
        damage(work_dir / name)
        capsys.readouterr()
        assert small_run.main("run", "--to", "dataset") == 0
        output = capsys.readouterr().out
        assert "dataset is up to date; its export was made again, because training_set" in output
        assert content_of(work_dir) == exported
        again = json.loads((work_dir / "run_log" / "dataset.json").read_text())
        assert again["generation"] == mark["generation"]
        assert again["files"].keys() == mark["files"].keys()
