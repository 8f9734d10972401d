"""A terminal without the errors that follow from a stop: it shows one last line instead."""

from __future__ import annotations

import logging
import os

STDERR = 2


class Silence:
    """From its making on, nothing that any thread or library writes to stderr is seen."""

    def __init__(self) -> None:
        self._levels: dict[logging.Handler, int] = {}
        for handler in logging.getLogger().handlers:
            if type(handler) is logging.StreamHandler:
                self._levels[handler] = handler.level
                handler.setLevel(logging.CRITICAL + 1)
        self._terminal = os.dup(STDERR)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, STDERR)
        os.close(nothing)

    def give_terminal_back(self) -> None:
        """For the last line. The log stays silent: other threads report the end of the JVM until the process ends."""
        os.dup2(self._terminal, STDERR)

    def end(self) -> None:
        """Where others go on in this process, the log is theirs again."""
        self.give_terminal_back()
        os.close(self._terminal)
        for handler, level in self._levels.items():
            handler.setLevel(level)
