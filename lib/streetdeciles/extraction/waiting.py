"""What the network's device waits for: how long it computes, and what it spends the rest of the time on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

COMPUTING = "computing"
READING, DECODING, HANDING_OVER = "reading", "decoding", "handing over"
"""What the device waits for: files to be read, files to be decoded, or Spark to take the features."""


class DeviceClock:
    """Divides the time since its start into what the device computes and what it waits for.

    Several threads may use the device, which computes while one of them does. `now`: seconds on any clock.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._lock = Lock()
        self._running = 0
        self._waits_for = READING
        self._since = now()
        self._seconds = dict.fromkeys((COMPUTING, READING, DECODING, HANDING_OVER), 0.0)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Counts the time in this context, in any number of threads, as computing."""
        self._change(+1)
        try:
            yield
        finally:
            self._change(-1)

    def waits_for(self, what: str) -> None:
        """Count the time in which the device does not compute as waiting for this from now on."""
        with self._lock:
            self._count()
            self._waits_for = what

    def seconds(self) -> dict[str, float]:
        """The seconds until now, by what they were spent on."""
        with self._lock:
            self._count()
            return dict(self._seconds)

    def _change(self, by: int) -> None:
        with self._lock:
            self._count()
            self._running += by

    def _count(self) -> None:
        now = self._now()
        self._seconds[COMPUTING if self._running else self._waits_for] += now - self._since
        self._since = now
