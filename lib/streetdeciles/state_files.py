"""The state of a run in JSON files, which a crash or a full disk may have truncated."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from streetdeciles import storage
from streetdeciles.errors import RunRefused

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Damaged(ValueError):
    """`<uri> is empty`, or what else is wrong with it."""


def read_state(uri: str, kind: type[T]) -> T | None:
    """`load_state` for state that can be redone: None if the file is missing, or damaged, which the log reports."""
    try:
        return load_state(uri, kind)
    except FileNotFoundError:
        return None
    except Damaged as error:
        logger.warning("%s; it is ignored, and the work that it records is done again", error)
        return None


def load_state(uri: str, kind: type[T]) -> T:
    """The file's value as a `kind` (a dataclass, `dict[str, int]`, …).

    Raises:
        FileNotFoundError: there is none.
        Damaged: it is not JSON, or of another kind.
        RunRefused: it is another user's.
    """
    try:
        content = storage.read_bytes(uri)
    except PermissionError as error:
        raise RunRefused(
            f"{uri}: this user may not read it; continue as the user who started the run, or let this one read it"
        ) from error
    try:
        value: T = _adapter(kind).validate_json(content)  # type: ignore[arg-type]  # mypy takes no class for hashable
    except ValidationError as error:
        raise Damaged(f"{uri} {_damage(content, error)}") from error
    return value


def _damage(content: bytes, error: ValidationError) -> str:
    """What is wrong with the file, in a few words."""
    if not content.strip(b" \t\r\n\0"):
        return "is empty"
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"is damaged ({f'{where}: ' if where else ''}{first['msg'].lower()})"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
