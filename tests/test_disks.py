"""A work_dir on a mounted object store: what needs a disk is made on one and copied as a whole."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streetdeciles import storage
from streetdeciles.backbones.weights import write_npz
from streetdeciles.disks import is_disk
from streetdeciles.errors import RunRefused
from streetdeciles.lock import locked
from streetdeciles.logs import log_to_file, logged_to_terminal
from streetdeciles.training.checkpoints import Checkpoint, TrainingState
from volume_mount import mounted_volume, why_impossible


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A folder with a Volume's limits."""
    if why := why_impossible():
        pytest.skip(why)
    (tmp_path / "volume").mkdir()
    (tmp_path / "behind").mkdir()
    try:
        with mounted_volume(tmp_path / "volume", tmp_path / "behind"):
            yield tmp_path / "volume"
    except OSError as error:
        pytest.skip(str(error))


def test_volume_is_not_a_disk_and_keeps_no_probe(volume: Path, tmp_path: Path) -> None:
    assert not is_disk(str(volume))
    assert is_disk(str(tmp_path))
    assert not is_disk("memory://x")
    assert [*volume.iterdir()] == []


def test_folder_is_replaced_where_folders_cannot_be_renamed(volume: Path) -> None:
    for number in (1, 2):
        (volume / "staged" / "part").mkdir(parents=True)
        (volume / "staged" / "part" / f"{number}.txt").write_text("x")
        storage.replace(str(volume / "staged"), str(volume / "table"))
    assert [path.name for path in volume.rglob("*.txt")] == ["2.txt"]
    assert not (volume / "staged").exists()


def test_run_log_goes_on_after_that_of_the_last_run(volume: Path) -> None:
    for message in ("first", "second"):
        with logged_to_terminal(debug=False):
            log_to_file(str(volume))
            logging.getLogger("streetdeciles.test").info(message)
    lines = (volume / "logs" / "run.log").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["first", "second"]


def test_one_run_at_a_time_holds_the_lock(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streetdeciles.conditional_writes.VERIFY_AFTER_S", 0.05)
    monkeypatch.setattr("streetdeciles.lock.BEAT_S", 0.05)
    with locked(str(volume)):
        first = (volume / "run.lock").read_text()
        with pytest.raises(RunRefused, match="is in use by process"), locked(str(volume)):
            pass
        for _ in range(100):
            if (second := (volume / "run.lock").read_text()) not in ("", first):
                break
        assert '"beats"' in second
    assert not (volume / "run.lock").exists()


def test_checkpoints_and_weights_are_written_front_to_back(volume: Path) -> None:
    checkpoint = Checkpoint(str(volume / "round-0.npz"), "key")
    for value in (1.0, 2.0):
        checkpoint.write(TrainingState([], {"weights": np.full(1000, value)}))
    state = checkpoint.read()
    assert state is not None
    assert state.arrays["weights"].tolist() == [2.0] * 1000

    write_npz([("kernel", np.arange(6.0, dtype=np.float32))], str(volume / "weights.npz"))
    with np.load(volume / "weights.npz") as saved:
        assert saved["kernel"].tolist() == [0, 1, 2, 3, 4, 5]


def test_paths_of_databricks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.local_path("dbfs:/Volumes/main/a") == "/Volumes/main/a"
    assert storage.local_path("dbfs:/a/b") == "/dbfs/a/b"
    assert storage.spark_uri("/Volumes/main/a") == "file:///Volumes/main/a"  # an external disk of a Mac
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert storage.spark_uri("/Volumes/main/a") == "dbfs:/Volumes/main/a"
    assert storage.spark_uri("dbfs:/Volumes/main/a") == "dbfs:/Volumes/main/a"
    assert storage.spark_uri("/dbfs/a/b") == "dbfs:/a/b"
    assert storage.spark_uri("/local_disk0/a") == "file:///local_disk0/a"
