"""A terminal without the errors that follow from a stop: it shows one last line instead."""

from __future__ import annotations

import logging
import os
import sys
from threading import Lock

STDERR = 2

_lock = Lock()
_silences: list[Silence] = []


class Silence:
    """From its making on, nothing that any thread or library writes to stderr is seen."""

    def __init__(self, terminal: int) -> None:
        """`terminal`: the descriptor of stderr as it was before anything, e.g. an import, has redirected it."""
        self._levels: dict[logging.Handler, int] = {}
        for handler in logging.getLogger().handlers:
            if type(handler) is logging.StreamHandler:
                self._levels[handler] = handler.level
                handler.setLevel(logging.CRITICAL + 1)
        self._terminal = terminal
        nothing = os.open(os.devnull, os.O_WRONLY)
        with _lock:
            _silences.append(self)
            os.dup2(nothing, STDERR)
        os.close(nothing)

    @property
    def is_terminal(self) -> bool:
        return os.isatty(self._terminal)

    def print(self, text: str) -> None:
        """Write past the silence, which lasts: other threads report the end of the JVM until the process ends."""
        if sys.stderr is sys.__stderr__:
            os.write(self._terminal, text.encode())
        else:  # a notebook's own stream, which was not silenced
            print(text, end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Where others go on in this process, terminal and log are theirs again."""
        with _lock:
            _silences.remove(self)
            os.dup2(self._terminal, STDERR)
        for handler, level in self._levels.items():
            handler.setLevel(level)


def restore_stderr(descriptor: int) -> None:
    """Make `descriptor` stderr again, for who has redirected it; during a silence it stays silent."""
    with _lock:
        if not _silences:
            os.dup2(descriptor, STDERR)
