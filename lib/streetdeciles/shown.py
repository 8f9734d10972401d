"""Text that is safe to show on a terminal or in a log: one line, no control characters, no secrets.

File names and ids come from others. One that holds a line break and `error:` would forge a line, one that holds an
escape sequence would colour or clear the terminal, and one with bidirectional controls would read as another name.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import unquote

HIDDEN = "***"
SHORTEST = 8
"""A shorter secret could be a part of any word, so it is hidden only where its key says what it is."""

_SECRET_KEY = re.compile(
    r"secret|passw|passphrase|pwd|token|credential|signature|bearer|accesskey|accountkey|apikey|connectionstring"
    r"|(?-i:[a-z]Keys?)(?![a-z])|(?<![a-z])(?:keys?|pass|sas|sig|auth|authorization|jaas)(?![a-z])",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?<=://)([^/?#\s:@]*):([^/?#\s]*)@")
_TOKEN = re.compile(r"(?<=http://)[^/?#\s:@]+@|(?<=https://)[^/?#\s:@]+@")
"""A name without a password is a token where people browse, and a container or a bucket in other URIs."""
_SETTING = re.compile(r"(?<![\w.%-])([\w.%-]+)=(\"[^\"]*\"|'[^']*'|[^&;,\s'\"]+)")
_hidden: set[str] = set()
"""Secrets of this process, which are left out wherever they appear."""


def hide_secrets_in(values: dict[Any, Any], *, by_key: Collection[str]) -> None:
    """Leave out the secrets in these values, those of a config, from whatever this process shows or logs from now on.

    Others may repeat a secret without its key, e.g. Spark in an error about a setting, or Pydantic in a trace.
    Passwords in URIs are secrets in all sections; in those of `by_key` so are values whose key names a secret. So are
    variables of the environment with such names, from which the clients of stores take credentials.
    """
    secrets = [one for section, held in values.items() for one in _secrets(held, by_key=section in by_key)]
    secrets += _secrets_of_environment()
    _hidden.update(one for secret in secrets for one in (secret, unquote(secret)) if len(one) >= SHORTEST)


def _secrets_of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        is_one = is_secret(name) or is_secret(name.replace("_", ""))
        if not os.path.exists(value):  # noqa: PTH110 - pathlib raises for long texts; a path may be shown
            yield from _secrets(value, by_key=True, is_one=is_one)


def _secrets(values: Any, *, by_key: bool, is_one: bool = False) -> Iterator[str]:
    if isinstance(values, dict):
        for key, held in values.items():
            yield from _secrets(held, by_key=by_key, is_one=is_one or (by_key and is_secret(str(key))))
    elif isinstance(values, list | tuple):
        for held in values:
            yield from _secrets(held, by_key=by_key, is_one=is_one)
    elif is_one and values is not None and not isinstance(values, bool):
        yield str(values)
    elif isinstance(values, str):
        yield from (password for _, password in _PASSWORD.findall(values))
        yield from (token.rstrip("@") for token in _TOKEN.findall(values))
        yield from (value.strip("\"'") for key, value in _SETTING.findall(values) if is_secret(key))


def shown(text: object) -> str:
    r"""One line of `text`: control and invisible characters as `\n` or `\u202e`, secrets as `***`."""
    return "".join(c if c.isprintable() else _escaped(c) for c in redacted(str(text)))


def redacted(text: str) -> str:
    """The text with `***` in place of passwords in URIs, and of the secrets of the config."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _without_passwords(text)


def is_secret(key: str) -> bool:
    """Whether the name of a setting, e.g. `fs.azure.account.key.x`, says that its value must not be shown."""
    return _SECRET_KEY.search(key) is not None


def without_secrets(value: Any, *, by_key: bool = True) -> Any:
    """The values with `***` in place of passwords in URIs and, `by_key`, of values whose key names a secret."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if by_key and is_secret(str(key)) else without_secrets(held, by_key=by_key)
            for key, held in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(held, by_key=by_key) for held in value]
    return _without_passwords(value) if isinstance(value, str) else value


def _without_passwords(text: str) -> str:
    text = _TOKEN.sub(f"{HIDDEN}@", _PASSWORD.sub(rf"\1:{HIDDEN}@", text))
    return _SETTING.sub(lambda setting: f"{setting[1]}={HIDDEN}" if is_secret(setting[1]) else setting[0], text)


class LogFormatter(logging.Formatter):
    """Formats each record as one line; the lines of a trace are indented, so that none looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # as another handler has formatted it
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = shown(record.message)
        return super().formatMessage(record)

    def formatException(  # noqa: N802 - logging's name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's name
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "\n".join(f"    {shown(line)}" for line in redacted(text).splitlines())


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
