"""The progress of a training: a progress bar, and the history for the logs after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from streetdeciles.progress import Advance
from streetdeciles.training.history import HistoryLog, HistoryRow


class ProgressLog:
    """The history so far; calls `advance` with model-rows (rows x models that learn from them).

    Model-rows that need no work, because a model stopped early or a killed run has done the epoch, are reported as left
    out, so that the estimate of the time left is right.
    """

    def __init__(self, epochs: int, logs: Sequence[HistoryLog], advance: Advance) -> None:
        self.history: list[HistoryRow] = []
        self._epochs = epochs
        self._logs = logs
        self._advance = advance

    def begin(self, model_rows: int) -> None:
        """Begin a round of `model_rows` per epoch, as long as all its models learn."""
        self._model_rows = model_rows
        self._epochs_left = self._epochs
        self._seen = 0

    def on_batch(self, model_rows: int) -> None:
        """Count a batch."""
        self._seen += model_rows
        self._advance(model_rows)

    def on_epoch(self, epoch: list[HistoryRow]) -> None:
        """Log an epoch, of some or all models of the round."""
        self.history.extend(epoch)
        for log in self._logs:
            log.add(epoch)
        mae = mean(row.val_mae for row in epoch)
        remark = f"epoch {epoch[0].epoch}, {len(epoch)} models, validation MAE {mae:.2f}"
        self._advance(0, remark, left_out=self._model_rows - self._seen)
        self._epochs_left -= 1
        self._seen = 0

    def end(self) -> None:
        """End the round, perhaps before its last epoch."""
        self._advance(0, left_out=self._model_rows * self._epochs_left)
