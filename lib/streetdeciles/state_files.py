"""What runs remember in JSON files, read again after a crash or a full disk may have cut them."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from streetdeciles import storage

T = TypeVar("T")

logger = logging.getLogger(__name__)


def read_state(uri: str, kind: type[T]) -> T | None:
    """The file's value as a `kind` (a dataclass, `dict[str, int]`, …); None where there is no file, or a damaged one.

    A damaged file is named in the log. Only for what can be done again: the caller goes on as if nothing were there.
    """
    try:
        content = storage.read_bytes(uri)
    except FileNotFoundError:
        return None
    try:
        value: T = _adapter(kind).validate_json(content)  # type: ignore[arg-type]  # mypy takes no class for hashable
    except ValidationError as error:
        logger.warning("%s: %s; it is ignored, and what it stands for is done again", uri, damage(content, error))
        return None
    return value


def damage(content: bytes, error: ValidationError) -> str:
    """What is wrong with the file, in some words."""
    if not content.strip(b" \t\r\n\0"):
        return "is empty"
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"is damaged ({f'{where}: ' if where else ''}{first['msg'].lower()})"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
