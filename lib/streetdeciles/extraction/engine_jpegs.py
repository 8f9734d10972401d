"""JPEGs that a GPU's JPEG engines get, recognised by their markers alone, so that every run and machine chooses alike.

They are plain and whole: baseline, 8 bits, one scan from the first marker (SOI) to the last (EOI), with valid tables
and all of their restart markers. Pillow rejects none of these, whatever is between the markers, so which photographs
are rejected, and why, does not depend on the decoder. Everything else is decoded on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.extraction.plain_jpeg import (
    DHT,
    DQT,
    DRI,
    SOF0,
    SOS,
    jpeg_header,
    plain_jpeg_size,
    remembered,
    segments,
)

MAX_ENGINE_PIXELS = 8_000_000
"""A chunk of photographs is decoded at a time, so its pixels take at most 192 MB on the GPU, and again here."""

MAX_SIDE = 16_384
"""Pixels."""

MAX_DC_SYMBOL = 11
"""Bits of a difference between two blocks' means; baseline JPEGs have no more."""

SAMPLING = {b"\x11", b"\x21", b"\x22", b"\x41"}
"""4:4:4, 4:2:2, 4:2:0 and 4:1:1: the first component's factors, the others' being 1."""

_END = b"\xff\xd9"


class _Coded(NamedTuple):
    """What a header says of the coded pixels that follow it."""

    size: tuple[int, int]
    markers: bytes
    """The second bytes of all markers in them."""


@dataclass
class _Definitions:
    """What the segments before the scan define."""

    quantisation: set[int] = field(default_factory=set)
    huffman: set[int] = field(default_factory=set)
    """16 times the class (0 for DC, 1 for AC), plus the number."""
    restart_interval: int = 0
    frame: bytes = b""
    scan: bytes = b""


def engine_jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG for the engines; None for any other file.

    >>> engine_jpeg_size(b"GIF89a") is None
    True
    """
    header = jpeg_header(content)
    if header is None or not content.endswith(_END):
        return None
    coded = _coded(header)
    if coded is None or not _has_markers(np.frombuffer(content, np.uint8, offset=len(header)), coded.markers):
        return None
    return coded.size


@remembered
def _coded(header: bytes) -> _Coded | None:
    """None if the engines do not get files with this header."""
    size = plain_jpeg_size(header)
    if size is None or size[0] * size[1] > MAX_ENGINE_PIXELS or max(size) > MAX_SIDE:
        return None
    defined = _definitions(header)
    if defined is None or not _are_usual_components(defined):
        return None
    restarts = bytes(0xD0 + i % 8 for i in range(_n_restarts(defined, size)))
    return _Coded(size, restarts + _END[1:])


def _definitions(header: bytes) -> _Definitions | None:
    """None where a table is not valid."""
    defined = _Definitions()
    for marker, segment in segments(header):
        if marker == DQT:
            defined.quantisation.update(segment[::65])
        elif marker == DRI:
            defined.restart_interval = int.from_bytes(segment, "big")
        elif marker == SOF0:
            defined.frame = segment
        elif marker == DHT and not _add_huffman_tables(segment, defined.huffman):
            return None
        elif marker == SOS:
            defined.scan = segment
    return defined


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


def _are_usual_components(defined: _Definitions) -> bool:
    """Whether frame and scan describe grey, or YCbCr of a usual subsampling, by tables that are defined."""
    frame, scan = defined.frame[6:], defined.scan
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
        and defined.quantisation.issuperset(quantisation)
        and all({table >> 4, 16 + (table & 15)} <= defined.huffman for table in tables)
    )


def _has_markers(coded: Array, markers: bytes) -> bool:
    """Whether the coded pixels, which end with the end's marker, have these markers in this order, and no other."""
    second = coded[1:]
    is_marker = (coded[:-1] == 0xFF) & (second != 0)
    n = np.count_nonzero(is_marker)
    return n == len(markers) and (n == 1 or second[is_marker].tobytes() == markers)


def _n_restarts(defined: _Definitions, size: tuple[int, int]) -> int:
    if not defined.restart_interval:
        return 0
    across, down = defined.frame[7] >> 4, defined.frame[7] & 15
    units = -(-size[0] // (8 * across)) * -(-size[1] // (8 * down))
    return -(-units // defined.restart_interval) - 1
