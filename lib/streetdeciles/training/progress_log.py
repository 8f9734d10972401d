"""What is told of a training while it goes on: to its logs each epoch, and to whoever waits for its end."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from streetdeciles.progress import Advance
from streetdeciles.training.history import HistoryLog, HistoryRow


class ProgressLog:
    """The history so far; `advance` is told of model-rows (rows x models that learn from them).

    A model that stops early, and epochs that a killed run has done, leave less to do: so the time left is right.
    """

    def __init__(self, epochs: int, logs: Sequence[HistoryLog], advance: Advance) -> None:
        self.history: list[HistoryRow] = []
        self._epochs = epochs
        self._logs = logs
        self._advance = advance

    def begin(self, model_rows: int) -> None:
        """A round begins, of so many model-rows an epoch as long as all its models learn."""
        self._model_rows = model_rows
        self._epochs_left = self._epochs
        self._seen = 0

    def on_batch(self, model_rows: int) -> None:
        self._seen += model_rows
        self._advance(model_rows)

    def on_epoch(self, epoch: list[HistoryRow]) -> None:
        self.history.extend(epoch)
        for log in self._logs:
            log.add(epoch)
        mae = mean(row.val_mae for row in epoch)
        remark = f"epoch {epoch[0].epoch}, {len(epoch)} models, validation MAE {mae:.2f}"
        self._advance(0, remark, left_out=self._model_rows - self._seen)
        self._epochs_left -= 1
        self._seen = 0

    def end(self) -> None:
        """The round is at its end, perhaps before its last epoch."""
        self._advance(0, left_out=self._model_rows * self._epochs_left)
