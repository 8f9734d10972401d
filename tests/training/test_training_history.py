"""The course of a training as CSV and as TensorBoard reads it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from streetdeciles.training.history import HistoryRow, TensorBoardLog, history_csv

ROWS = [
    HistoryRow("imd", 1, 1, 2.5, 2.25, 3.0, 2.75, 1e-3),
    HistoryRow("imd", 0, 2, 1.5, 1.25, 2.0, 1.75, 1e-3),
    HistoryRow("imd", 0, 1, 2.5, 2.0, 3.0, 2.5, 1e-3),
]


def test_history_is_by_outcome_fold_and_epoch() -> None:
    assert history_csv(ROWS) == (
        "outcome,fold,epoch,loss,val_loss,mae,val_mae,learning_rate\n"
        "imd,0,1,2.5,2.0,3.0,2.5,0.001\n"
        "imd,0,2,1.5,1.25,2.0,1.75,0.001\n"
        "imd,1,1,2.5,2.25,3.0,2.75,0.001\n"
    )


def test_tensorboard_reads_each_models_scalars(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with closing(TensorBoardLog(tmp_path)) as log:
        log.add(ROWS[2:])
        log.add(ROWS[:2])
    events = EventAccumulator(str(tmp_path / "imd" / "0"), size_guidance={"tensors": 0})
    events.Reload()
    assert set(events.Tags()["tensors"]) == {
        "loss/train",
        "loss/validation",
        "mae/train",
        "mae/validation",
        "learning_rate",
    }
    told = [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors("mae/validation")]
    assert told == [(1, 2.5), (2, 1.75)]
    assert (tmp_path / "imd" / "1").is_dir()
