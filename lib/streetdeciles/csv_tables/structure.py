"""Where the records of a CSV file end, found in its bytes (RFC 4180; lines end in CRLF, LF or CR)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Positions = npt.NDArray[np.int64]

QUOTE, COMMA, LF, CR = b'",\n\r'
EDGE = -1
"""Stands for a byte outside the data: the file ends there, or the next byte is not known yet."""
QUOTES_PER_STEP = 1 << 16
"""Where data are taken to begin in the wrong state, a stray quote is among the first."""

_BESIDE_A_FIELD = np.isin(np.arange(256), [COMMA, LF, CR, QUOTE])
"""By byte, whether it may come before or after a quoted field, or is part of a doubled quote."""


def record_ends(data: Bytes) -> Positions:
    """Positions of the line ends outside quotes: each CR, and each LF without a CR before it.

    The data begin outside quotes.
    """
    ends = _line_ends(data, EDGE)
    outside: Positions = ends[_is_quoted(ends, _quotes(data)) == 0]
    return outside


def stray_quote(data: Bytes) -> int | None:
    """The first quote that neither opens or closes a field nor is doubled within one.

    The data begin with a record; the bytes after them are not considered.
    """
    return _stray_quote(data, _quotes(data), inside=False, before=EDGE, after=EDGE)


def ends_inside(data: Bytes) -> bool:
    """Whether the data, which begin with a record, end within a quoted field."""
    return np.count_nonzero(data == QUOTE) % 2 == 1


def whole_records(data: Bytes) -> tuple[int, int]:
    """(number of bytes that are whole records, whatever follows; number of records). The data begin with a record."""
    ends = record_ends(data)
    if len(ends) and ends[-1] == len(data) - 1 and data[-1] == CR:
        ends = ends[:-1]  # an LF may follow
    return (_after_end(data, int(ends[-1])) if len(ends) else 0), len(ends)


def _after_end(data: Bytes, end: int) -> int:
    """The position of the record after the line end at position `end`."""
    crlf = data[end] == CR and end + 1 < len(data) and data[end + 1] == LF
    return end + (2 if crlf else 1)


def _quotes(data: Bytes) -> Positions:
    return np.flatnonzero(data == QUOTE)


def _line_ends(data: Bytes, before: int) -> Positions:
    is_end = data == LF
    if is_end.any():
        is_cr = data == CR
        is_end[1:] &= ~is_cr[:-1]
        is_end[:1] &= before != CR
        is_end |= is_cr
    else:
        is_end = data == CR
    return np.flatnonzero(is_end)


def _is_quoted(positions: Positions, quotes: Positions) -> npt.NDArray[np.int64]:
    """1 for a position within quotes, i.e. after an odd number of quotes (doubled ones included), else 0."""
    return np.searchsorted(quotes, positions) & 1


def _stray_quote(data: Bytes, quotes: Positions, *, inside: bool, before: int, after: int) -> int | None:
    opening, closing = quotes[int(inside) :: 2], quotes[1 - int(inside) :: 2]
    stray = [
        position
        for position in (_first_apart(data, opening, -1, before), _first_apart(data, closing, 1, after))
        if position is not None
    ]
    return min(stray, default=None)


def _first_apart(data: Bytes, quotes: Positions, step: int, edge: int) -> int | None:
    """The first of the quotes whose neighbour, the byte before (`step` -1) or after it (1), does not end a field.

    `edge` is the byte beyond the data, or EDGE.
    """
    n = len(quotes)
    if step < 0 and n and quotes[0] == 0:
        if not _is_beside_a_field(edge):
            return 0
        quotes = quotes[1:]
    at_end = step > 0 and n > 0 and quotes[-1] == len(data) - 1
    inner = quotes[:-1] if at_end else quotes
    for start in range(0, len(inner), QUOTES_PER_STEP):
        part = inner[start : start + QUOTES_PER_STEP]
        is_beside = _BESIDE_A_FIELD[data[part + step]]
        if not is_beside.all():
            return int(part[is_beside.argmin()])
    return len(data) - 1 if at_end and not _is_beside_a_field(edge) else None


def _is_beside_a_field(byte: int) -> bool:
    return byte == EDGE or bool(_BESIDE_A_FIELD[byte])


class RangeScan(NamedTuple):
    """The structure of a range of a file's bytes, under the assumption that it begins outside or inside quotes."""

    n_ends: int
    first_record: int
    """Position in the file of the first record that begins after a line end of the range; -1 if there is none."""
    stray_quote: int
    """Position in the file of the first stray quote; -1 if there is none."""
    ends_before_stray: int
    ends_inside: bool


def scan_range(data: Bytes, start: int, end: int, *, first: int) -> tuple[RangeScan, RangeScan]:
    """Scan the bytes `start` to `end` of a file, as if they began outside quotes, and as if inside.

    `data` has these bytes and, if the file has them, one before and one after; `first` is the position of its first.
    """
    core = data[start - first : end - first]
    before = int(data[start - first - 1]) if start > first else EDGE
    after = int(data[end - first]) if end - first < len(data) else EDGE
    quotes, line_ends = _quotes(core), _line_ends(core, before)
    is_quoted = _is_quoted(line_ends, quotes)

    def scanned(inside: bool) -> RangeScan:
        ends = line_ends[is_quoted == inside]
        stray = _stray_quote(core, quotes, inside=inside, before=before, after=after)
        return RangeScan(
            n_ends=len(ends),
            first_record=first + _after_end(data, start - first + int(ends[0])) if len(ends) else -1,
            stray_quote=-1 if stray is None else start + stray,
            ends_before_stray=0 if stray is None else int(np.searchsorted(ends, stray)),
            ends_inside=(len(quotes) + inside) % 2 == 1,
        )

    return scanned(False), scanned(True)
