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
"""In place of a byte: the file ends here, or what follows is not known yet."""


def record_ends(data: Bytes, *, inside: bool = False, before: int = EDGE) -> Positions:
    """Positions of the line ends outside quotes: of each CR, and of each LF without a CR before it.

    `inside`: the data begin within a quoted field. `before` is the byte before the data.
    """
    after_cr = np.empty(len(data), bool)
    after_cr[:1] = before == CR
    np.equal(data[:-1], CR, out=after_cr[1:])
    ends = np.flatnonzero((data == CR) | ((data == LF) & ~after_cr))
    quotes = _quotes(data)
    # An even number of quotes before a byte, doubled ones included, means that it is outside.
    outside: Positions = ends[(np.searchsorted(quotes, ends) + inside) % 2 == 0]
    return outside


def stray_quote(data: Bytes, *, inside: bool = False, before: int = EDGE, after: int = EDGE) -> int | None:
    """The first quote that neither opens nor closes a field nor is one of two in a quoted field."""
    quotes = _quotes(data)
    opening, closing = quotes[int(inside) :: 2], quotes[1 - int(inside) :: 2]
    previous = np.where(opening > 0, data[opening - 1].astype(np.int16), before)
    following = np.where(closing < len(data) - 1, data[(closing + 1) % max(len(data), 1)].astype(np.int16), after)
    beside_a_field = [COMMA, LF, CR, QUOTE, EDGE]
    stray = [*opening[~np.isin(previous, beside_a_field)][:1], *closing[~np.isin(following, beside_a_field)][:1]]
    return int(min(stray)) if stray else None


def ends_inside(data: Bytes, *, inside: bool = False) -> bool:
    """Whether the last byte of the data is within a quoted field, or opens one."""
    return (np.count_nonzero(data == QUOTE) + inside) % 2 == 1


def length_of_records(data: Bytes) -> int:
    """How many bytes of the data, which begin with a record, are whole records whatever follows them."""
    ends = record_ends(data)
    if len(ends) and ends[-1] == len(data) - 1 and data[-1] == CR:
        ends = ends[:-1]  # an LF may follow
    return after_end(data, int(ends[-1])) if len(ends) else 0


def after_end(data: Bytes, end: int) -> int:
    """Where the record begins that follows the line end at position `end`."""
    crlf = data[end] == CR and end + 1 < len(data) and data[end + 1] == LF
    return end + (2 if crlf else 1)


def _quotes(data: Bytes) -> Positions:
    return np.flatnonzero(data == QUOTE)


class RangeScan(NamedTuple):
    """What a range of a file's bytes holds, if it begins within a quoted field and if it does not."""

    n_ends: int
    first_record: int
    """Position in the file of the first record that begins after a line end of the range; -1: there is none."""
    stray_quote: int
    """Position in the file of the first stray quote; -1: there is none."""
    ends_before_stray: int
    ends_inside: bool


def scan_range(data: Bytes, start: int, end: int, *, first: int, inside: bool) -> RangeScan:
    """Scan the bytes `start` to `end` of a file, where `data` holds them and one more on either side if there is one.

    `first` is the position in the file of the first byte of `data`.
    """
    core = data[start - first : end - first]
    before = int(data[start - first - 1]) if start > first else EDGE
    after = int(data[end - first]) if end - first < len(data) else EDGE
    ends = record_ends(core, inside=inside, before=before)
    stray = stray_quote(core, inside=inside, before=before, after=after)
    return RangeScan(
        n_ends=len(ends),
        first_record=first + after_end(data, start - first + int(ends[0])) if len(ends) else -1,
        stray_quote=-1 if stray is None else start + stray,
        ends_before_stray=0 if stray is None else int(np.searchsorted(ends, stray)),
        ends_inside=ends_inside(core, inside=inside),
    )
