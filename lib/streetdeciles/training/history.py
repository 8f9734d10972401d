"""The history of a training: one CSV of all models, and TensorBoard's event files, one folder per model."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from streetdeciles.csv_cells import write_rows
from streetdeciles.ordinal import SCORE_LIMIT


class HistoryRow(NamedTuple):
    """One epoch (from 1) of one model. Losses are mean negative log-likelihoods, MAE is in deciles, and accuracy is the
    share of exact deciles.

    `loss`, `mae` and `accuracy` are measured during learning, with noise, on the rows learned from; `loss` is weighted
    by class. `val_` values are measured after the epoch on the validation rows, all with the same weight. `val_scores`
    counts the validation scores in bins of equal width over -SCORE_LIMIT .. SCORE_LIMIT; the outermost bins also count
    the scores beyond.
    """

    outcome: str
    fold: int
    epoch: int
    loss: float
    val_loss: float
    mae: float
    val_mae: float
    accuracy: float
    val_accuracy: float
    learning_rate: float
    val_scores: tuple[int, ...]


COLUMNS = tuple(name for name in HistoryRow._fields if name != "val_scores")


def history_csv(history: Iterable[HistoryRow]) -> str:
    """The rows without their scores, below a header, sorted by outcome, fold and epoch."""
    text = io.StringIO()
    write_rows(text, [COLUMNS])
    write_rows(text, ([getattr(row, name) for name in COLUMNS] for row in sorted(history)))
    return text.getvalue()


class HistoryLog(Protocol):
    """A log that gets the history of a training, epoch by epoch."""

    def add(self, epoch: list[HistoryRow]) -> None:
        """Log one epoch of some models."""
        ...


class TensorBoardLog:
    """Event files in <folder>/<outcome>/<fold>, for `tensorboard --logdir <folder>`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[tuple[str, int], Any] = {}

    def add(self, epoch: list[HistoryRow]) -> None:
        """Write the rows of one epoch at once, so that they can be watched."""
        for row in epoch:
            self._add(row)
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close all event files."""
        for writer in self._writers.values():
            writer.close()

    def _add(self, row: HistoryRow) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter  # type: ignore[import-untyped]

        key = (row.outcome, row.fold)
        if key not in self._writers:
            self._writers[key] = EventFileWriter(str(self.folder / row.outcome / str(row.fold)))
        self._writers[key].add_event(_event(row))


def _event(row: HistoryRow) -> Any:
    """What TensorBoard shows for one epoch of one model."""
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb  # type: ignore[import-untyped]

    event = Event(wall_time=time.time(), step=row.epoch)
    scalars = {
        "loss/train": row.loss,
        "loss/validation": row.val_loss,
        "mae/train": row.mae,
        "mae/validation": row.val_mae,
        "accuracy/train": row.accuracy,
        "accuracy/validation": row.val_accuracy,
        "learning_rate": row.learning_rate,
    }
    for tag, value in scalars.items():
        event.summary.MergeFrom(scalar_pb(tag, value))
    event.summary.MergeFrom(_histogram("scores/validation", row.val_scores))
    return event


def _histogram(tag: str, counts: tuple[int, ...]) -> Any:
    """The counts as TensorBoard stores them: rows of left edge, right edge, count. Its functions need the values."""
    from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary  # type: ignore[import-untyped]
    from tensorboard.plugins.histogram.metadata import create_summary_metadata  # type: ignore[import-untyped]
    from tensorboard.util.tensor_util import make_tensor_proto  # type: ignore[import-untyped]

    edges = np.linspace(-SCORE_LIMIT, SCORE_LIMIT, len(counts) + 1)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    metadata = create_summary_metadata(display_name=None, description=None)
    metadata.data_class = DATA_CLASS_TENSOR
    summary = Summary()
    summary.value.add(tag=tag, metadata=metadata, tensor=make_tensor_proto(buckets, dtype=np.float64))
    return summary
