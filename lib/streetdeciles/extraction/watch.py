"""Finds photographs that take too much of the processor's time, while they are being decoded.

A thread within a decoder cannot be stopped, so the task fails and its worker ends with it; the error names the
photographs, so the driver can go on without them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import NamedTuple

from streetdeciles.extraction.extracted import Row

MAX_DECODING_S = 60.0
"""Processor time for one photograph; the largest that are allowed take some seconds."""


class PhotographTooCostly(Exception):
    """Its text is JSON, a shard and an image_id for each, because the text is all that comes back from a worker."""

    def __init__(self, photographs: list[tuple[int, str]]) -> None:
        super().__init__(json.dumps(photographs))
        self.photographs = photographs


def costly_photographs(error: Exception) -> PhotographTooCostly | None:
    """The error that a worker raised, read from what Spark makes of it; None if it was another error."""
    match = re.search(rf"{PhotographTooCostly.__name__}: (\[\[.*\]\])", str(error))
    if match is None:
        return None
    return PhotographTooCostly([(int(shard), str(image_id)) for shard, image_id in json.loads(match.group(1))])


class _Running(NamedTuple):
    row: Row
    clock: int
    started: float


class Watch:
    """What each thread is decoding, and for how long."""

    def __init__(self, max_s: float = MAX_DECODING_S) -> None:
        self._max_s = max_s
        self._running: dict[int, _Running] = {}

    @contextmanager
    def over(self, row: Row) -> Iterator[None]:
        """The calling thread decodes this photograph now."""
        clock = _own_clock()
        self._running[get_ident()] = _Running(row, clock, time.clock_gettime(clock))
        try:
            yield
        finally:
            del self._running[get_ident()]

    def check(self) -> None:
        """Raises PhotographTooCostly where one has run for too long."""
        late = [running.row for running in [*self._running.values()] if _seconds(running) > self._max_s]
        if late:
            raise PhotographTooCostly([(row.shard, row.image_id) for row in late])


def _own_clock() -> int:
    """The thread's own processor time: a machine that is busy, or was suspended, must not make a photograph costly."""
    if hasattr(time, "pthread_getcpuclockid"):
        return time.pthread_getcpuclockid(get_ident())
    return time.CLOCK_MONOTONIC


def _seconds(running: _Running) -> float:
    try:
        return time.clock_gettime(running.clock) - running.started
    except OSError:  # the thread has ended meanwhile
        return 0.0
