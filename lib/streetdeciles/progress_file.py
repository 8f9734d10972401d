"""How far a run is, in files that other programs may read: `logs/progress.json`, and the same for Prometheus."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from threading import Event, Lock, Thread
from typing import Any

from streetdeciles import storage
from streetdeciles.logs import RUN_ID
from streetdeciles.progress import watched_by

WRITE_EVERY_S = 5.0
BEAT_S = 30.0
"""The files are written at least this often: if they are much older, the run has been killed."""

logger = logging.getLogger(__name__)


class ProgressFile:
    """Writes which stage is running, and how much of its present work is done; several threads may call it."""

    def __init__(self, work_dir: str, n_stages: int) -> None:
        self._folder = storage.join(work_dir, "logs")
        self._n_stages = n_stages
        self._state: dict[str, Any] = {}
        self._began = self._written = 0.0
        self._writing = Lock()
        self._is_over = False

    def stage(self, name: str, number: int) -> None:
        """A stage begins; `number` is its place among all, from 1."""
        self._began = time.time()
        self._state = {"stage": name, "stage_number": number, "stages": self._n_stages, "since": _text(self._began)}
        self._write("running")

    def advance(self, title: str, done: int, total: int, unit: str) -> None:
        """As `progress.Watcher`; most calls write nothing."""
        self._state.update(work=title, done=done, total=total, unit=unit)
        if time.monotonic() - self._written >= WRITE_EVERY_S:
            self._write("running")

    def beat(self, ended: Event) -> None:
        """Write the files again and again, even if nothing advances, until the run has ended."""
        while not ended.wait(BEAT_S):
            self._write("running")

    def end(self, state: str) -> None:
        """Write the last state, `done` or `failed`."""
        self._write(state, is_last=True)

    def _write(self, state: str, *, is_last: bool = False) -> None:
        with self._writing:
            if not self._is_over:
                self._is_over = is_last
                self._replace(state)

    def _replace(self, state: str) -> None:
        values = {"run_id": RUN_ID, "state": state, "updated": _text(time.time()), **self._state}
        try:
            storage.write_json(storage.join(self._folder, "progress.json"), values)
            storage.write_text(storage.join(self._folder, "progress.prom"), self._prometheus(state))
        except Exception as error:  # a disk that is full; the run itself reports that
            logger.debug("%s: progress was not written (%s)", self._folder, error)
        self._written = time.monotonic()

    def _prometheus(self, state: str) -> str:
        """For the text-file collector of Prometheus' node exporter."""
        labels = f'{{stage="{self._state.get("stage", "")}",run_id="{RUN_ID}"}}'
        numbers = {
            "running": int(state == "running"),
            "failed": int(state == "failed"),
            "stage_number": self._state.get("stage_number", 0),
            "stages": self._n_stages,
            "stage_start_seconds": round(self._began, 3),
            "done": self._state.get("done", 0),
            "total": self._state.get("total", 0),
        }
        lines = [
            line
            for name, value in numbers.items()
            for line in (f"# TYPE streetdeciles_{name} gauge", f"streetdeciles_{name}{labels} {value}")
        ]
        return "\n".join(lines) + "\n"


@contextmanager
def progress_file(work_dir: str, n_stages: int) -> Iterator[ProgressFile]:
    """Keep the files of the work_dir up to date until the context ends."""
    file = ProgressFile(work_dir, n_stages)
    ended = Event()
    Thread(target=file.beat, args=(ended,), name="progress", daemon=True).start()
    with watched_by(file.advance):
        try:
            yield file
        except BaseException:
            file.end("failed")
            raise
        finally:
            ended.set()
        file.end("done")


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
