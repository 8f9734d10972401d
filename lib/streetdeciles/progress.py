"""How far a long piece of work is: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

LOG_LINE_EVERY_S = 10.0

logger = logging.getLogger(__name__)


class Advance(Protocol):
    """Called with the amount that was done since, and a short remark such as `3 rejects`."""

    def __call__(self, amount: int, remark: str = "") -> None: ...


@contextmanager
def progress(title: str, total: int, *, unit: str) -> Iterator[Advance]:
    """Show `title` going from 0 to `total` units, with units/s and the time left."""
    show = _bar if sys.stderr.isatty() else _lines
    with show(title, total, unit) as advance:
        yield advance


@contextmanager
def _bar(title: str, total: int, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, rate="", remark="")
        start = time.monotonic()
        done = 0

        def advance(amount: int, remark: str = "") -> None:
            nonlocal done
            done += amount
            rate = f"{done / max(time.monotonic() - start, 1e-9):.1f} {unit}/s"
            bar.update(task, advance=amount, rate=rate, remark=remark)

        yield advance


@contextmanager
def _lines(title: str, total: int, unit: str) -> Iterator[Advance]:
    start = time.monotonic()
    last = start
    done = 0

    def advance(amount: int, remark: str = "") -> None:
        nonlocal done, last
        done += amount
        now = time.monotonic()
        if now - last < LOG_LINE_EVERY_S and done < total:
            return
        last = now
        rate = done / max(now - start, 1e-9)
        left = (total - done) / rate if rate > 0 else 0.0
        end = f", {remark}" if remark else ""
        logger.info("%s: %d/%d %s, %.1f %s/s, %.0f s left%s", title, done, total, unit, rate, unit, left, end)

    yield advance
