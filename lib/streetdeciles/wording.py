"""Counts in sentences: "1 area has", "2 areas have"."""

from __future__ import annotations


def counted(n: int, singular: str, plural: str = "") -> str:
    """`n`, with thousands separated, and the words that go with it; the plural adds an s by default.

    >>> counted(1, "area has", "areas have"), counted(2400, "photograph")
    ('1 area has', '2,400 photographs')
    """
    return f"{n:,} {singular if n == 1 else plural or f'{singular}s'}"
