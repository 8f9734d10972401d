"""The log of a command: on the terminal, in `logs/run.log` of the work_dir, and in those of the executors."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from uuid import uuid4

from streetdeciles import storage
from streetdeciles.disks import is_disk
from streetdeciles.shown import LogFormatter, redacted, shown

COPY_EVERY_S = 10.0
MAX_OLD_LOG_BYTES = 2**22
"""How much of the log of earlier runs is kept on an object store."""

WORKER_HANDLER = "streetdeciles worker"

RUN_ID = uuid4().hex[:12]
"""Identifies this process in JSON logs and in the progress file."""


class JsonFormatter(LogFormatter):
    """Formats each record as one line of JSON, with the run's id, for programs that collect logs."""

    def __init__(self, run_id: str = RUN_ID) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        values = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "run_id": self._run_id,
            "message": shown(record.getMessage()),
        }
        if record.exc_info:
            trace = redacted("".join(traceback.format_exception(*record.exc_info)))
            values["trace"] = "\n".join(map(shown, trace.splitlines()))
        return json.dumps(values, ensure_ascii=False)


@contextmanager
def logged_to_terminal(*, debug: bool, as_json: bool = False) -> Iterator[None]:
    """Show the log on stderr (with `debug`, every detail) until the command ends; `log_to_file`'s ends then too."""
    if not debug:  # TensorFlow's own remarks, here and in Spark's local workers
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = logging.StreamHandler()
    if not debug:  # py4j logs the trace of what interrupts a call to the JVM, as the root logger
        handler.addFilter(lambda record: "py4j" not in record.pathname)
    handler.setLevel(logging.DEBUG if debug else logging.INFO)
    handler.setFormatter(JsonFormatter() if as_json else LogFormatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("streetdeciles").setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for added in [known for known in root.handlers if isinstance(known.formatter, LogFormatter)]:
            root.removeHandler(added)
            with suppress(OSError):  # what is left to be written of a log on a full disk
                added.close()


def log_to_file(work_dir: str, *, as_json: bool = False) -> None:
    """Write every detail and trace into `logs/run.log` of the work_dir, after what earlier runs have written there."""
    uri = storage.join(work_dir, "logs", "run.log")
    if is_disk(work_dir):
        path = Path(storage.local_path(uri))
        path.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _RunLog(path, encoding="utf-8")
    else:
        handler = _CopiedRunLog(uri)
    text = LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if as_json else text)
    logging.getLogger().addHandler(handler)


@dataclass(frozen=True)
class WorkerLog:
    """The log of Spark's Python workers, as lines of their stderr, which Spark keeps with the executor's log.

    Made on the driver; `start` is for the worker.
    """

    as_json: bool
    run_id: str
    level: int

    def start(self) -> None:
        """Log from now on as this run does; a worker may have served another one before."""
        root = logging.getLogger()
        for earlier in [known for known in root.handlers if known.name == WORKER_HANDLER]:
            root.removeHandler(earlier)
        handler = logging.StreamHandler()
        handler.name = WORKER_HANDLER
        handler.setFormatter(
            JsonFormatter(self.run_id) if self.as_json else LogFormatter("%(asctime)s %(levelname)s %(message)s")
        )
        root.addHandler(handler)
        root.setLevel(self.level)


def worker_log(level: int) -> WorkerLog:
    """Like the log of this process: JSON with its run id, or text."""
    formatters = (handler.formatter for handler in logging.getLogger().handlers)
    return WorkerLog(any(isinstance(formatter, JsonFormatter) for formatter in formatters), RUN_ID, level)


class _RunLog(logging.FileHandler):
    """A log that ignores a full disk, which the run itself soon reports in one line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


class _CopiedRunLog(_RunLog):
    """A log on a disk, which another thread copies as a whole to an object store again and again."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._folder = TemporaryDirectory(prefix="streetdeciles-logs-")
        self._path = Path(self._folder.name, "run.log")
        with suppress(FileNotFoundError):
            self._path.write_bytes(storage.read_bytes(uri)[-MAX_OLD_LOG_BYTES:])
        super().__init__(self._path, encoding="utf-8")
        self._copied = self._path.stat().st_size
        self._closed_at_last = Event()
        self._copying = Thread(target=self._copy_often, name="log", daemon=True)
        self._copying.start()

    def close(self) -> None:
        super().close()
        if not self._closed_at_last.is_set():
            self._closed_at_last.set()
            self._copying.join()
            self._copy()
            self._folder.cleanup()

    def _copy_often(self) -> None:
        while not self._closed_at_last.wait(COPY_EVERY_S):
            self._copy()

    def _copy(self) -> None:
        content = self._path.read_bytes()
        if len(content) != self._copied:
            with suppress(Exception):  # a store that fails for a moment; the run itself soon reports more than that
                storage.write_bytes(self._uri, content)
                self._copied = len(content)
