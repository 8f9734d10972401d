"""Files that cost far more to decode than their pixels suggest, recognised by their bytes before anything is decoded.

Everything here is one walk over the headers; a photograph from a camera has some ten of them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from streetdeciles.extraction.rejects import Rejected

MAX_SCANS = 64
"""Each scan of a progressive JPEG passes over all of its pixels; encoders write about ten."""

MAX_SEGMENTS = 2_000
MAX_EXIF_SEGMENTS = 64
"""Pillow joins them one by one, which is quadratic; cameras write one."""

MAX_STRAY_BYTES = 1_000_000
"""Bytes between a JPEG's segments, which Pillow skips one at a time."""

MAX_TIFF_PARTS = 100_000
"""Strips or tiles, each of which Pillow makes a Python object of."""

MAX_PNG_CHUNKS = 100_000
MAX_RLE_PIXELS = 2_000_000
"""The largest run-length encoded BMP, which Pillow decodes in Python."""

_MARKER = re.compile(rb"\xff[\x01-\xfe]", re.DOTALL)
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_WITHOUT_LENGTH = frozenset({0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})


def refuse_costly(content: bytes) -> None:
    """Raises Rejected (`too_costly`) where the structure of the file makes decoding it expensive."""
    for start, check in _CHECKS.items():
        if content.startswith(start):
            check(content)


def webp_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP's canvas; None where the file is not a WebP or its header is damaged.

    Pillow takes the memory of several canvases when it opens a WebP, before anyone can ask for its size. The layout is
    that of RFC 9649.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _check_jpeg(content: bytes) -> None:
    at, stray, segments, n_exif = 2, 0, 0, 0
    frame, n_components = 0, 0
    while (match := _MARKER.search(content, at)) is not None:
        stray += match.start() - at
        marker, at = content[match.start() + 1], match.end()
        if marker == _SOS:
            in_one_scan = at + 2 < len(content) and content[at + 2] >= n_components
            if frame in _PROGRESSIVE or not in_one_scan:
                _check_scans(content, at)
            break
        if marker in _WITHOUT_LENGTH:
            stray += 2
            _limit(stray, MAX_STRAY_BYTES, "bytes between the segments of a JPEG")
            continue
        if marker in _FRAMES and at + 7 < len(content):
            frame, n_components = marker, content[at + 7]
        segments += 1
        n_exif += marker == _APP1 and content.startswith(b"Exif\0\0", at + 2)
        at += max(2, int.from_bytes(content[at : at + 2], "big"))
        _limit(n_exif, MAX_EXIF_SEGMENTS, "Exif segments of a JPEG")
        _limit(segments, MAX_SEGMENTS, "segments of a JPEG")
    _limit(stray, MAX_STRAY_BYTES, "bytes between the segments of a JPEG")


def _check_scans(content: bytes, at: int) -> None:
    """`at`: behind the first scan's marker."""
    if content.count(b"\xff\xda", at) < MAX_SCANS:  # at most that many: other segments may hold these bytes too
        return
    n_scans = 1
    while (match := _MARKER_IN_SCAN.search(content, at)) is not None:
        marker, at = content[match.start() + 1], match.end()
        if marker == _EOI:
            return
        if marker not in _WITHOUT_LENGTH:
            n_scans += marker == _SOS
            at += max(2, int.from_bytes(content[at : at + 2], "big"))
        _limit(n_scans, MAX_SCANS, "scans of a JPEG")


def _check_png(content: bytes) -> None:
    at, n_chunks = 8, 0
    while at < len(content):
        n_chunks += 1
        _limit(n_chunks, MAX_PNG_CHUNKS, "chunks of a PNG")
        at += 12 + int.from_bytes(content[at : at + 4], "big")


def _check_bmp(content: bytes) -> None:
    if len(content) < 34:
        return
    header_bytes, width, height = struct.unpack("<Iii", content[14:26])
    run_length_encoded = int.from_bytes(content[30:34], "little") in (1, 2)
    if header_bytes >= 40 and run_length_encoded:
        _limit(abs(width * height), MAX_RLE_PIXELS, "pixels of a run-length encoded BMP")


def _check_tiff(content: bytes) -> None:
    """The first directory, which is the one that is decoded."""
    order = "<" if content[:2] == b"II" else ">"
    big = content[2:4] in (b"+\0", b"\0+")
    entry = struct.Struct(f"{order}HHQ8s" if big else f"{order}HHI4s")
    number = "Q" if big else "I"
    try:
        (first,) = struct.unpack_from(f"{order}{number}", content, 8 if big else 4)
        (n_entries,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", content, first)
    except struct.error:
        return
    start = first + (8 if big else 2)
    end = start + entry.size * min(n_entries, (len(content) - start) // entry.size)
    if end <= start:
        return
    values = {}
    for tag, kind, count, value in entry.iter_unpack(content[start:end]):
        if tag in _STRIPS_AND_TILES:
            _limit(count, MAX_TIFF_PARTS, "strips or tiles of a TIFF")
        elif tag in _TIFF_SIZES and count == 1:
            size = {3: 2, 4: 4, 16: 8}.get(kind, 0)
            values[tag] = int.from_bytes(value[:size], "little" if order == "<" else "big")
    _limit(_tiff_parts(values), MAX_TIFF_PARTS, "strips or tiles of a TIFF")


_WIDTH, _HEIGHT, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 278, 322, 323
_TIFF_SIZES = frozenset({_WIDTH, _HEIGHT, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT})
_STRIPS_AND_TILES = frozenset({273, 279, 324, 325})
"""Offsets and byte counts of each."""


def _tiff_parts(values: dict[int, int]) -> int:
    """How many strips or tiles the sizes ask for, however many the file lists."""
    width, height = values.get(_WIDTH, 0), values.get(_HEIGHT, 0)
    if values.get(_TILE_WIDTH) and values.get(_TILE_HEIGHT):
        return -(-width // values[_TILE_WIDTH]) * -(-height // values[_TILE_HEIGHT])
    return -(-height // (values.get(_ROWS_PER_STRIP) or max(1, height)))


def _limit(n: int, at_most: int, what: str) -> None:
    if n > at_most:
        raise Rejected("too_costly", f"more than {at_most} {what}")


_CHECKS: dict[bytes, Callable[[bytes], None]] = {
    b"\xff\xd8\xff": _check_jpeg,
    b"\x89PNG\r\n\x1a\n": _check_png,
    b"BM": _check_bmp,
    b"II*\0": _check_tiff,
    b"MM\0*": _check_tiff,
    b"II+\0": _check_tiff,
    b"MM\0+": _check_tiff,
}
