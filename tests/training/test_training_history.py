"""The history of a training, as CSV and as TensorBoard reads it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from streetdeciles.training import stage
from streetdeciles.training.history import HistoryRow, TensorBoardLog, history_csv

ROWS = [
    HistoryRow("imd", 1, 1, 2.5, 2.25, 3.0, 2.75, 0.125, 0.25, 1e-3, (0, 1, 2, 0)),
    HistoryRow("imd", 0, 2, 1.5, 1.25, 2.0, 1.75, 0.25, 0.5, 1e-3, (0, 2, 0, 1)),
    HistoryRow("imd", 0, 1, 2.5, 2.0, 3.0, 2.5, 0.125, 0.375, 1e-3, (3, 0, 0, 0)),
]


def test_history_is_sorted_by_outcome_fold_and_epoch() -> None:
    assert history_csv(ROWS) == (
        "outcome,fold,epoch,loss,val_loss,mae,val_mae,accuracy,val_accuracy,learning_rate\n"
        "imd,0,1,2.5,2.0,3.0,2.5,0.125,0.375,0.001\n"
        "imd,0,2,1.5,1.25,2.0,1.75,0.25,0.5,0.001\n"
        "imd,1,1,2.5,2.25,3.0,2.75,0.125,0.25,0.001\n"
    )


def read_events(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def test_tensorboard_reads_each_models_scalars(tmp_path: Path) -> None:
    with closing(TensorBoardLog(tmp_path)) as log:
        log.add(ROWS[2:])
        log.add(ROWS[:2])
    events = read_events(tmp_path / "imd" / "0")
    expected = {
        "loss/train": [2.5, 1.5],
        "loss/validation": [2.0, 1.25],
        "mae/train": [3.0, 2.0],
        "mae/validation": [2.5, 1.75],
        "accuracy/train": [0.125, 0.25],
        "accuracy/validation": [0.375, 0.5],
        "learning_rate": [np.float32(1e-3)] * 2,
    }
    assert set(events.Tags()["tensors"]) == {*expected, "scores/validation"}
    for tag, values in expected.items():
        read = [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
        assert read == [*enumerate(values, start=1)], tag
        assert events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    assert (tmp_path / "imd" / "1").is_dir()


def test_tensorboard_reads_each_models_histogram_of_scores(tmp_path: Path) -> None:
    with closing(TensorBoardLog(tmp_path)) as log:
        log.add(ROWS)
    events = read_events(tmp_path / "imd" / "1")
    assert events.SummaryMetadata("scores/validation").plugin_data.plugin_name == "histograms"
    (event,) = events.Tensors("scores/validation")
    buckets = [[-8, -4, 0], [-4, 0, 1], [0, 4, 2], [4, 8, 0]]
    np.testing.assert_array_equal(make_ndarray(event.tensor_proto), buckets)


def test_training_goes_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "find_spec", lambda name: None)
    with stage._tensorboard(str(tmp_path)) as log:
        assert log is None
    assert not (tmp_path / "logs").exists()
