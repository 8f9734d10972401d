"""The course of a training: a CSV of all models, and TensorBoard's event files, one folder a model."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class HistoryRow(NamedTuple):
    """One epoch (from 1) of one model. Losses are mean negative log-likelihoods, MAE is in deciles.

    `loss` and `mae` are of the rows learned from while learning, weighted by class (`loss`), with noise; `val_` of the
    validation rows after the epoch, each row alike.
    """

    outcome: str
    fold: int
    epoch: int
    loss: float
    val_loss: float
    mae: float
    val_mae: float
    learning_rate: float


def history_csv(history: Iterable[HistoryRow]) -> str:
    """The rows under a header, by outcome, fold and epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HistoryRow._fields)
    writer.writerows(sorted(history))
    return text.getvalue()


class TensorBoardLog:
    """Event files below `folder`, in <outcome>/<fold>, for `tensorboard --logdir <folder>`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[tuple[str, int], Any] = {}

    def add(self, epoch: Iterable[HistoryRow]) -> None:
        """Write the rows of one epoch, for whoever is watching."""
        for row in epoch:
            self._add(row)
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _add(self, row: HistoryRow) -> None:
        from tensorboard.summary import Writer  # type: ignore[import-untyped]

        key = (row.outcome, row.fold)
        if key not in self._writers:
            self._writers[key] = Writer(str(self.folder / row.outcome / str(row.fold)))
        scalars = {
            "loss/train": row.loss,
            "loss/validation": row.val_loss,
            "mae/train": row.mae,
            "mae/validation": row.val_mae,
            "learning_rate": row.learning_rate,
        }
        for tag, value in scalars.items():
            self._writers[key].add_scalar(tag, value, row.epoch)
