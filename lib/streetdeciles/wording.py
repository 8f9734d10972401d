"""Counts and lists in sentences: "1 area has", "2 areas have", "north, east and west"."""

from __future__ import annotations

from collections.abc import Sequence


def counted(n: int, singular: str, plural: str = "") -> str:
    """`n`, with thousands separated, and the words that go with it; the plural adds an s by default.

    >>> counted(1, "area has", "areas have"), counted(2400, "photograph")
    ('1 area has', '2,400 photographs')
    """
    return f"{n:,} {singular if n == 1 else plural or f'{singular}s'}"


def listed(words: Sequence[str]) -> str:
    """The words with commas, and "and" before the last.

    >>> listed(["north"]), listed(["north", "east", "west"])
    ('north', 'north, east and west')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
