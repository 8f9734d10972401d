"""The progress of long work: a bar on a terminal, and a plain line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

LOG_LINE_EVERY_S = 10.0

logger = logging.getLogger(__name__)


class Advance(Protocol):
    """Called with the amount that was done since, and a short remark such as `3 rejects`, shown until the next.

    `left_out` is what need not be done after all; it makes the total smaller.
    """

    def __call__(self, amount: int, remark: str = "", *, left_out: int = 0) -> None: ...


@contextmanager
def progress(title: str, total: int, *, unit: str) -> Iterator[Advance]:
    """Show the progress of `title` from 0 to `total` units, with units/s and the time left."""
    show = _bar if sys.stderr.isatty() else _lines
    done = 0
    with show(title, total, unit) as advance:

        def watched(amount: int, remark: str = "", *, left_out: int = 0) -> None:
            nonlocal done, total
            done, total = done + amount, total - left_out
            advance(amount, remark, left_out=left_out)
            for watcher in _watchers:
                watcher(title, done, total, unit)

        yield watched


Watcher = Callable[[str, int, int, str], None]
"""Called with the title, what is done, the total and the unit."""

_watchers: list[Watcher] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Also report all progress in this context to `watcher`."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


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
        done, last_remark = 0, ""

        def advance(amount: int, remark: str = "", *, left_out: int = 0) -> None:
            nonlocal done, total, last_remark
            done, total, last_remark = done + amount, total - left_out, remark or last_remark
            rate = f"{done / max(time.monotonic() - start, 1e-9):.1f} {unit}/s"
            bar.update(task, advance=amount, total=total, rate=rate, remark=last_remark)

        yield advance


@contextmanager
def _lines(title: str, total: int, unit: str) -> Iterator[Advance]:
    start = time.monotonic()
    last = start
    done, last_remark, at_end = 0, "", False

    def advance(amount: int, remark: str = "", *, left_out: int = 0) -> None:
        nonlocal done, total, last, last_remark, at_end
        done, total, last_remark = done + amount, total - left_out, remark or last_remark
        now = time.monotonic()
        if now - last < LOG_LINE_EVERY_S and (at_end or done < total):
            return
        last, at_end = now, done >= total
        rate = done / max(now - start, 1e-9)
        left = (total - done) / rate if rate > 0 else 0.0
        end = f", {last_remark}" if last_remark else ""
        logger.info("%s: %d/%d %s, %.1f %s/s, %.0f s left%s", title, done, total, unit, rate, unit, left, end)

    yield advance
