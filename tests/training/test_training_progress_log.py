"""The progress that a running training reports."""

from __future__ import annotations

from streetdeciles.training.history import HistoryRow
from streetdeciles.training.progress_log import ProgressLog

EPOCHS = 4


class Recorder:
    """Collects the calls of `add` and `advance`."""

    def __init__(self) -> None:
        self.epochs: list[list[HistoryRow]] = []
        self.calls: list[tuple[int, str, int]] = []

    def add(self, epoch: list[HistoryRow]) -> None:
        self.epochs.append(epoch)

    def advance(self, amount: int, remark: str = "", *, left_out: int = 0) -> None:
        self.calls.append((amount, remark, left_out))


def epoch_of(number: int, *maes: float) -> list[HistoryRow]:
    return [HistoryRow("imd", fold, number, 1.0, 1.0, 1.0, mae, 0.5, 0.5, 1e-3, ()) for fold, mae in enumerate(maes)]


def test_work_that_is_not_needed_is_left_out() -> None:
    """Two models of 30 rows each: epoch 1 is from a checkpoint, one stops after epoch 2, the other after epoch 3."""
    recorder = Recorder()
    progress_log = ProgressLog(EPOCHS, [recorder], recorder.advance)
    progress_log.begin(60)
    progress_log.on_epoch(epoch_of(1, 2.0, 3.0))
    for number, models in ((2, 2), (3, 1)):
        progress_log.on_batch(20 * models)
        progress_log.on_batch(10 * models)
        progress_log.on_epoch(epoch_of(number, *[1.5] * models))
    progress_log.end()
    assert recorder.calls == [
        (0, "epoch 1, 2 models, validation MAE 2.50", 60),
        (40, "", 0),
        (20, "", 0),
        (0, "epoch 2, 2 models, validation MAE 1.50", 0),
        (20, "", 0),
        (10, "", 0),
        (0, "epoch 3, 1 models, validation MAE 1.50", 30),
        (0, "", 60),
    ]
    done, left_out = (sum(call[i] for call in recorder.calls) for i in (0, 2))
    assert done + left_out == EPOCHS * 60
    assert [row for epoch in recorder.epochs for row in epoch] == progress_log.history
