"""JPEGs of the plainest kind, recognised by their headers: nothing in them can cost or mean more than their pixels.

That is how a server or a camera's software writes a picture of 8 bits that is stored line by line. Everything else, and
all that is unusual in any way, is left to Pillow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

MAX_SEGMENTS = 32
MAX_REMEMBERED_BYTES = 4096
"""Longer headers are not remembered."""

MAX_REMEMBERED = 256
"""How many headers are remembered."""

_START = b"\xff\xd8"
APP0, COM, DQT, DHT, DRI, SOF0, SOS = 0xE0, 0xFE, 0xDB, 0xC4, 0xDD, 0xC0, 0xDA

Result = TypeVar("Result")


def remembered(read: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """Remembers what `read` says of a header: most photographs of a camera or a server have the same."""
    known = lru_cache(MAX_REMEMBERED)(read)
    return lambda header: (known if len(header) <= MAX_REMEMBERED_BYTES else read)(header)


def plain_jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a baseline JPEG of one scan and without Exif; None for any other file.

    >>> plain_jpeg_size(b"GIF89a") is None
    True
    """
    header = jpeg_header(content)
    return None if header is None else _size(header)


def jpeg_header(content: bytes) -> bytes | None:
    """All that precedes the coded pixels; None if the file does not begin with a few segments and then a scan."""
    at, n_bytes = 2, len(content)
    if not content.startswith(_START):
        return None
    for _ in range(MAX_SEGMENTS):
        if n_bytes < at + 4 or content[at] != 0xFF:
            return None
        end = at + 2 + (content[at + 2] << 8 | content[at + 3])
        if content[at + 1] == SOS:
            return content[:end]
        at = end
    return None


@remembered
def _size(header: bytes) -> tuple[int, int] | None:
    size, n_components = None, 0
    for marker, segment in segments(header):
        if marker == SOS:
            one_scan = segment[:1] == bytes([n_components]) and len(segment) == 4 + 2 * n_components
            return size if one_scan else None
        if marker == SOF0 and size is None:
            size, n_components = _frame(segment)
            if size is None:
                break
        elif not _is_usual(marker, segment):
            break
    return None


def segments(header: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment of what `jpeg_header` gives."""
    at = 2
    while at + 4 <= len(header):
        end = at + 2 + (header[at + 2] << 8 | header[at + 3])
        yield header[at + 1], header[at + 4 : end]
        at = end


def _frame(segment: bytes) -> tuple[tuple[int, int] | None, int]:
    """((width, height), number of components), of a frame of 8 bits in grey or colour."""
    if len(segment) < 6 or segment[0] != 8 or segment[5] not in (1, 3) or len(segment) != 6 + 3 * segment[5]:
        return None, 0
    height, width = segment[1] << 8 | segment[2], segment[3] << 8 | segment[4]
    return ((width, height) if width and height else None), segment[5]


def _is_usual(marker: int, segment: bytes) -> bool:
    if marker == APP0:
        return len(segment) == 14 and segment.startswith(b"JFIF\0")
    if marker == DQT:
        return len(segment) % 65 == 0 and all(segment[i] < 4 for i in range(0, len(segment), 65))
    if marker == DRI:
        return len(segment) == 2
    return marker in (DHT, COM)
