"""Text that is safe to show on a terminal or in a log: one line, no control characters, no secrets.

File names and ids come from others. One that holds a line break and `error:` would forge a line, one that holds an
escape sequence would colour or clear the terminal, and one with bidirectional controls would read as another name.
"""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import Any

HIDDEN = "***"

_SECRET_KEY = re.compile(
    r"secret|passw|passphrase|pwd|token|credential|signature|bearer|accesskey|accountkey|apikey|connectionstring"
    r"|(?-i:[a-z]Keys?)(?![a-z])|(?<![a-z])(?:keys?|pass|sas|sig|auth|authorization|jaas)(?![a-z])",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?<=://)([^/?#\s:@]*):[^/?#\s]*@")
_SETTING = re.compile(r"(?<![\w.%-])([\w.%-]+)=(\"[^\"]*\"|'[^']*'|[^&;,\s'\"]+)")


def shown(text: object) -> str:
    r"""One line of `text`: control and invisible characters as `\n` or `\u202e`, passwords in URIs as `***`."""
    return "".join(c if c.isprintable() else _escaped(c) for c in _without_passwords(str(text)))


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
    text = _PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return _SETTING.sub(lambda setting: f"{setting[1]}={HIDDEN}" if is_secret(setting[1]) else setting[0], text)


class LogFormatter(logging.Formatter):
    """Formats each record as one line; the lines of a trace are indented, so that none looks like a record."""

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
    return "\n".join(f"    {shown(line)}" for line in text.splitlines())


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
