"""A killed training continues where it stopped, and ends with the same models."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupted_training import EPOCHS, one_outcome_per_round, train_planted

from streetdeciles import storage
from streetdeciles.digests import settings_digest
from streetdeciles.models.store import TrainedModel
from streetdeciles.training import stack as training_stack
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.checkpoints import CHECKPOINTS, Checkpoint, TrainingState
from streetdeciles.training.history import HistoryRow

Trained = tuple[list[TrainedModel], list[HistoryRow]]

HISTORY = [
    HistoryRow("imd", 0, 1, 2.5, 2.0, 3.0, 2.5, 0.125, 0.25, 1e-3, (1, 2)),
    HistoryRow("imd", 0, 2, float("nan"), 0.1, 3.0, 2.5, 0.125, 0.25, 1e-3, (0, 3)),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_planted(tmp_path_factory.mktemp("undisturbed"))


def folder_of(work_dir: Path) -> Path:
    return work_dir.joinpath(*CHECKPOINTS, "1")


def assert_same(one: Trained, other: Trained) -> None:
    """Equal, bit for bit."""
    assert [_about(model) for model in one[0]] == [_about(model) for model in other[0]]
    for a, b in zip(one[0], other[0], strict=True):
        for array, expected in zip(a.weights, b.weights, strict=True):
            np.testing.assert_array_equal(array, expected)
    assert sorted(one[1]) == sorted(other[1])


def _about(model: TrainedModel) -> tuple[Any, ...]:
    return (model.outcome, model.fold, model.epoch, model.val_loss, model.val_mae)


def test_a_killed_training_ends_with_the_same_weights(
    undisturbed: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A separate process, killed by SIGKILL in the middle of its training."""
    program = Path(__file__).with_name("interrupted_training.py")
    checkpoint = Checkpoint(str(folder_of(tmp_path) / "round-0.npz"), "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(program), str(tmp_path)], env=environment) as process:
        end = time.monotonic() + 120
        while reached(checkpoint) < 3 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    epoch = reached(checkpoint)
    assert 3 <= epoch < EPOCHS

    with caplog.at_level(logging.INFO):
        resumed = train_planted(tmp_path)

    assert f"training: continues after epoch {epoch}" in caplog.messages
    assert_same(resumed, undisturbed)


def reached(checkpoint: Checkpoint) -> int:
    """The last epoch in the file, whatever its key."""
    path = Path(checkpoint.uri)
    if not path.exists():
        return 0
    with np.load(path, allow_pickle=False) as saved:
        return int(json.loads(saved["about"].tobytes())["history"][-1][2])


def test_the_undisturbed_models_have_different_best_epochs(undisturbed: Trained) -> None:
    epochs = {model.epoch for model in undisturbed[0]}
    assert len(epochs) > 1
    assert max(epochs) > 5


def test_finished_rounds_are_not_repeated_and_rounds_do_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the second of two rounds. When it resumes, memory suffices for one round, which would change bits."""
    validation = training_stack.validation_batches
    epochs: list[tuple[str, ...]] = []
    stop = False

    def counted(assignments: Assignments, *args: Any, **kwargs: Any) -> Any:
        epochs.append(assignments.outcomes)
        if stop and len(epochs) == 5:
            raise KeyboardInterrupt
        return validation(assignments, *args, **kwargs)

    monkeypatch.setattr(training_stack, "validation_batches", counted)
    monkeypatch.setattr("streetdeciles.training.checkpoints.WRITING_SHARE", 1e9)
    with monkeypatch.context() as little_memory:
        little_memory.setattr("streetdeciles.training.rounds.plan_rounds", one_outcome_per_round)
        whole = train_planted(tmp_path / "whole", epochs=3)
        epochs.clear()
        stop = True
        with pytest.raises(KeyboardInterrupt):
            train_planted(tmp_path / "part", epochs=3)
    epochs.clear()
    stop = False

    resumed = train_planted(tmp_path / "part", epochs=3)

    assert epochs == [("outcome_1",)] * 2
    assert_same(resumed, whole)


def test_a_checkpoint_of_other_settings_is_ignored(
    undisturbed: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage.write_json(str(folder_of(tmp_path) / "rounds.json"), {"key": "other settings", "rounds": [[[0], [0]]]})
    checkpoint = Checkpoint(str(folder_of(tmp_path) / "round-0.npz"), "other settings")
    checkpoint.write(TrainingState(HISTORY, {"variable_0": np.zeros(3)}))

    with caplog.at_level(logging.INFO):
        trained = train_planted(tmp_path)

    assert any("which has other settings or another training set" in m for m in caplog.messages)
    assert_same(trained, undisturbed)


def test_different_training_sets_have_different_keys() -> None:
    one, other = (settings_digest(training_set=fingerprint, seed=1) for fingerprint in ("a", "b"))
    assert one != other
    assert one == settings_digest(seed=1, training_set="a")


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path / "folder" / "round-0.npz"), "key")
    assert checkpoint.read() is None
    assert checkpoint.due()
    arrays = {"variable_0": np.arange(6, dtype=np.float32).reshape(2, 3), "learning": np.array([True, False])}
    checkpoint.write(TrainingState(HISTORY, arrays))
    read = checkpoint.read()
    assert read is not None
    assert repr(read.history) == repr(HISTORY)
    assert list(read.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read.arrays[name], array)
        assert read.arrays[name].dtype == array.dtype
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["round-0.npz"]


def test_writing_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 102.0, 102.0 + 39.0, 102.0 + 40.0])  # a write that takes 2 s, and is due again 40 s later
    checkpoint = Checkpoint(str(tmp_path / "round-0.npz"), "key")
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    checkpoint.write(TrainingState(HISTORY, {}))
    assert [checkpoint.due(), checkpoint.due()] == [False, True]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"something else"])
def test_a_damaged_checkpoint_is_ignored(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "round-0.npz").write_bytes(content)
    with caplog.at_level(logging.INFO):
        assert Checkpoint(str(tmp_path / "round-0.npz"), "key").read() is None
    assert "cannot be read" in caplog.text


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "round-0.npz", about=np.array([{"key": "key"}], dtype=object))
    assert Checkpoint(str(tmp_path / "round-0.npz"), "key").read() is None
