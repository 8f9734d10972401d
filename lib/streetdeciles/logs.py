"""The log of a command: on the terminal, and in `logs/run.log` of the work_dir."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streetdeciles import storage
from streetdeciles.shown import LogFormatter


@contextmanager
def logged_to_terminal(*, debug: bool) -> Iterator[None]:
    """Show the log on stderr (with `debug`, every detail) until the command ends; `log_to_file`'s ends then too."""
    if not debug:  # TensorFlow's own remarks, here and in Spark's local workers
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = logging.StreamHandler()
    if not debug:  # py4j logs the trace of what interrupts a call to the JVM, as the root logger
        handler.addFilter(lambda record: "py4j" not in record.pathname)
    handler.setLevel(logging.DEBUG if debug else logging.INFO)
    handler.setFormatter(LogFormatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("streetdeciles").setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for added in [one for one in root.handlers if isinstance(one.formatter, LogFormatter)]:
            root.removeHandler(added)
            with suppress(OSError):  # what is left to be written of a log on a full disk
                added.close()


def log_to_file(work_dir: str) -> None:
    """Write every detail and trace into `logs/run.log`; not on object stores, which cannot append."""
    if not storage.is_local(work_dir):
        return
    path = Path(storage.local_path(work_dir)) / "logs" / "run.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _RunLog(path, encoding="utf-8")
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)


class _RunLog(logging.FileHandler):
    """A log that is left alone by a full disk: the run itself soon reports that, in one line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)
