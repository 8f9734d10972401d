"""How far a piece of work is, as a bar and as lines in a log."""

from __future__ import annotations

import logging
import re

import pytest

from streetdeciles import progress


def test_a_log_line_tells_amount_rate_time_left_and_the_last_remark(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = iter([0.0, 4.0, 12.0, 13.0, 20.0, 21.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    with caplog.at_level(logging.INFO, "streetdeciles"), progress._lines("training", 100, "rows") as advance:
        advance(20, "epoch 1")
        advance(10)
        advance(10, "epoch 2")
        advance(20, left_out=40)
        advance(0)
    assert [record.getMessage() for record in caplog.records] == [
        "training: 30/100 rows, 2.5 rows/s, 28 s left, epoch 1",
        "training: 60/60 rows, 3.0 rows/s, 0 s left, epoch 2",
    ]


def test_a_bar_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with progress._bar("training", 100, "rows") as advance:
        advance(20, "epoch 1")
        advance(40, left_out=40)
    assert re.search(r"training .* 60/60 [\d.]+ rows/s .*epoch 1", " ".join(capsys.readouterr().err.split()))
