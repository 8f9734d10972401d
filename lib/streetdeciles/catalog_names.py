"""Names of schemas and tables in a catalog: `catalog.schema.table`, in parts that Spark quotes by backticks."""

from __future__ import annotations

import re

_PART = re.compile(r"`(?:[^`]|``)+`|[^`.\s/\\:]+")
"""Plain parts hold no sign that a path or URI would have; what does is written between backticks."""


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a name, without their backticks.

    >>> name_parts("main.`street view`.photographs")
    ('main', 'street view', 'photographs')

    Raises:
        ValueError: it is a path, or a part of it is empty.
    """
    parts = [match[0] for match in _PART.finditer(name)]
    if not parts or ".".join(parts) != name:
        raise ValueError("is not a name in a catalog; write other parts than words between backticks")
    return tuple(part[1:-1].replace("``", "`") if part.startswith("`") else part for part in parts)


def table_name(name: str) -> str:
    """`name` itself, if it is one of a table; ValueError if it is not."""
    if len(name_parts(name)) not in (2, 3):
        raise ValueError("expected catalog.schema.table, or schema.table in Spark's current catalog")
    return name


def schema_name(name: str) -> str:
    """`name` itself, if it is one of a schema; ValueError if it is not."""
    if len(name_parts(name)) not in (1, 2):
        raise ValueError("expected catalog.schema, or a schema in Spark's current catalog")
    return name


def quoted(*parts: str) -> str:
    """The name in Spark SQL.

    >>> quoted("main", "street view")
    '`main`.`street view`'
    """
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def quoted_name(name: str) -> str:
    """A name that a user has written, with all its parts quoted."""
    return quoted(*name_parts(name))
