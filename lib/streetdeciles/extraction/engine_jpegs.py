"""JPEGs that a GPU's JPEG engines get, recognised by their markers alone, so that every run and machine chooses alike.

They are plain and whole: baseline, 8 bits, one scan from the first marker (SOI) to the last (EOI), with valid tables
and all of their restart markers. Pillow rejects none of these, whatever is between the markers, so which photographs
are rejected, and why, does not depend on the decoder. Everything else is decoded on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streetdeciles.extraction.plain_jpeg import DHT, DQT, DRI, SOF0, SOS, plain_jpeg_size, segments

MAX_ENGINE_PIXELS = 8_000_000
"""A chunk of photographs is decoded at a time, so its pixels take at most 192 MB on the GPU, and again here."""

MAX_SIDE = 16_384
"""Pixels."""

MAX_DC_SYMBOL = 11
"""Bits of a difference between two blocks' means; baseline JPEGs have no more."""

SAMPLING = {b"\x11", b"\x21", b"\x22", b"\x41"}
"""4:4:4, 4:2:2, 4:2:0 and 4:1:1: the first component's factors, the others' being 1."""

_END = b"\xff\xd9"


@dataclass
class _Headers:
    """What the segments before the scan define."""

    quantisation: set[int] = field(default_factory=set)
    huffman: set[int] = field(default_factory=set)
    """16 times the class (0 for DC, 1 for AC), plus the number."""
    restart_interval: int = 0
    frame: bytes = b""
    scan: bytes = b""
    start: int = 0
    """Where the coded pixels begin."""


def engine_jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG for the engines; None for any other file.

    >>> engine_jpeg_size(b"GIF89a") is None
    True
    """
    size = plain_jpeg_size(content)
    if size is None or size[0] * size[1] > MAX_ENGINE_PIXELS or max(size) > MAX_SIDE or not content.endswith(_END):
        return None
    headers = _headers(content)
    fits = headers is not None and _are_usual_components(headers) and _is_whole(content, headers, size)
    return size if fits else None


def _headers(content: bytes) -> _Headers | None:
    """None where a table is not valid."""
    headers = _Headers()
    for marker, segment, end in segments(content):
        if marker == DQT:
            headers.quantisation.update(segment[::65])
        elif marker == DRI:
            headers.restart_interval = int.from_bytes(segment, "big")
        elif marker == SOF0:
            headers.frame = segment
        elif marker == DHT and not _add_huffman_tables(segment, headers.huffman):
            return None
        elif marker == SOS:
            headers.scan, headers.start = segment, end
            break
    return headers


def _add_huffman_tables(segment: bytes, tables: set[int]) -> bool:
    """Add the tables that the segment defines; False where one is not valid. The rules are those of ITU-T T.81, C."""
    at = 0
    while at < len(segment):
        table, counts = segment[at], segment[at + 1 : at + 17]
        symbols = segment[at + 17 : at + 17 + sum(counts)]
        if table not in (0, 1, 16, 17) or len(counts) < 16 or len(symbols) < sum(counts) or len(symbols) > 256:
            return False
        code = 0
        for length, count in enumerate(counts, start=1):
            code += count
            if code >= 1 << length:  # no code is all ones
                return False
            code <<= 1
        if table < 16 and max(symbols, default=0) > MAX_DC_SYMBOL:
            return False
        tables.add(table)
        at += 17 + len(symbols)
    return True


def _are_usual_components(headers: _Headers) -> bool:
    """Whether frame and scan describe grey, or YCbCr of a usual subsampling, by tables that are defined."""
    frame, scan = headers.frame[6:], headers.scan
    names, factors, quantisation = frame[::3], frame[1::3], frame[2::3]
    in_scan, tables = scan[1:-3:2], scan[2:-3:2]
    if len(names) == 3:
        usual = names == b"\1\2\3" and factors[:1] in SAMPLING and factors[1:] == b"\x11\x11"
    else:
        usual = factors == b"\x11"
    return (
        usual
        and in_scan == names
        and scan[-3:] == b"\0\x3f\0"
        and headers.quantisation.issuperset(quantisation)
        and all({table >> 4, 16 + (table & 15)} <= headers.huffman for table in tables)
    )


def _is_whole(content: bytes, headers: _Headers, size: tuple[int, int]) -> bool:
    """Whether the scan has its restart markers and then the end, and no other marker."""
    expected = [bytes([0xD0 + i % 8]) for i in range(_n_restarts(headers, size))] + [_END[1:]]
    coded = np.frombuffer(content, np.uint8, offset=headers.start)
    after = coded[np.flatnonzero(coded[:-1] == 0xFF) + 1]
    return bool(after[after != 0].tobytes() == b"".join(expected))


def _n_restarts(headers: _Headers, size: tuple[int, int]) -> int:
    if not headers.restart_interval:
        return 0
    across, down = headers.frame[7] >> 4, headers.frame[7] & 15
    units = -(-size[0] // (8 * across)) * -(-size[1] // (8 * down))
    return -(-units // headers.restart_interval) - 1
