"""JPEGs of the plainest kind, recognised by their headers: nothing in them can cost or mean more than their pixels.

That is how a server or a camera's software writes a picture of 8 bits that is stored line by line. Everything else, and
all that is unusual in any way, is left to Pillow.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_SEGMENTS = 32
_START = b"\xff\xd8"
APP0, COM, DQT, DHT, DRI, SOF0, SOS = 0xE0, 0xFE, 0xDB, 0xC4, 0xDD, 0xC0, 0xDA


def plain_jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a baseline JPEG of one scan and without Exif; None for any other file.

    >>> plain_jpeg_size(b"GIF89a") is None
    True
    """
    size, n_components = None, 0
    for marker, segment, _ in segments(content):
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


def segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of each segment, as long as they follow one another without anything between them."""
    at = 2 if content.startswith(_START) else len(content)
    for _ in range(MAX_SEGMENTS):
        if len(content) < at + 4 or content[at] != 0xFF:
            return
        end = at + 2 + (content[at + 2] << 8 | content[at + 3])
        yield content[at + 1], content[at + 4 : end], end
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
