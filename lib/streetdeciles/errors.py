"""Errors, named for their consequence. Their text is for users: what was wrong, where, and what to do.

Each of them is one line on the terminal and sets the exit code; the trace goes to the run's log.
"""

from __future__ import annotations

import re

from streetdeciles.shown import redacted, shown


class StreetdecilesError(Exception):
    """An error that the user can do something about. Its text is one line without secrets, whatever it quotes."""

    exit_code = 1

    def __init__(self, message: object) -> None:
        super().__init__(shown(message))


class RunRefused(StreetdecilesError):
    """The run was refused before any work: the config, an input or the machine is not fit for it."""

    exit_code = 2


class NotUtf8(RunRefused):
    """A file's text is not UTF-8; the encoding of its publisher may still read it."""


class ShardFailed(StreetdecilesError):
    """One shard could not be finished; the run continues with the others and exits non-zero at the end."""


class RunFailed(StreetdecilesError):
    """The run failed while working; the same command continues from what is finished."""


def reason(error: BaseException, limit: int | None = None) -> str:
    r"""The text of `error` on one line and of at most `limit` characters, or its type where it has no text.

    >>> reason(ValueError("no such\n   column"))
    'no such column'
    >>> reason(TimeoutError())
    'TimeoutError'
    """
    text = redacted(str(error))  # before it is cut: half a secret would not be recognised
    return " ".join(text.split())[:limit] or type(error).__name__


def one_line_error(error: BaseException) -> StreetdecilesError:
    """`error` as one of these classes; those of a Spark worker are found in the trace of the JVM."""
    if isinstance(error, StreetdecilesError):
        return error
    text = str(error)
    ours = re.findall(r"streetdeciles\.errors\.(\w+): (.+)", text)
    if ours:
        name, message = ours[-1]
        known = {kind.__name__: kind for kind in (RunRefused, NotUtf8, ShardFailed, RunFailed)}
        return known.get(name, RunFailed)(message.strip())
    raised = re.findall(r"^(?:Caused by: |: )?([\w.]*(?:Error|Exception): .+)$", text, flags=re.MULTILINE)
    lines = [line for line in text.splitlines() if line.strip()]
    line = raised[-1] if raised else (lines[0] if lines else type(error).__name__)
    return RunFailed(f"{type(error).__name__}: {line.strip()}")
