"""A large file in spans of whole records, found by scanning ranges of its bytes independently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streetdeciles.csv_tables.columns import columns_of, columns_of_rows
from streetdeciles.csv_tables.formats import byte_chunks, text_chunks
from streetdeciles.csv_tables.records import Block, blocks, misplaced_quote, unclosed_quote
from streetdeciles.csv_tables.structure import RangeScan, scan_range
from streetdeciles.csv_tables.table import CsvFile, CsvTable

if TYPE_CHECKING:
    import pyarrow as pa

RANGE_BYTES = 16 << 20
"""Bytes that one task reads: some 200,000 rows of a table of locations."""


class Span(NamedTuple):
    """The records in the bytes `start` to `end` of a file, beginning with its row `first_row`."""

    file: CsvFile
    start: int
    end: int
    first_row: int


class ByteRange(NamedTuple):
    file: CsvFile
    start: int
    end: int


def byte_ranges(file: CsvFile, range_bytes: int = RANGE_BYTES) -> list[ByteRange]:
    """The file's bytes after its byte order mark, in ranges that may end within a record."""
    starts = range(file.format.mark_bytes, file.size, range_bytes)
    return [ByteRange(file, start, min(start + range_bytes, file.size)) for start in starts]


def whole(file: CsvFile) -> Span:
    return Span(file, file.format.mark_bytes, file.size, 1)


def is_split(file: CsvFile, range_bytes: int = RANGE_BYTES) -> bool:
    """Whether the file is read in several spans. Compressed and UTF-16 files are read as one stream."""
    return file.format.plain and file.size > range_bytes


def scan(part: ByteRange) -> tuple[RangeScan, RangeScan]:
    """The scans of the range if it begins outside a quoted field, and if it begins inside one."""
    first, last = max(part.start - 1, part.file.format.mark_bytes), min(part.end + 1, part.file.size)
    data = np.frombuffer(b"".join(byte_chunks(part.file.uri, first, last)), np.uint8)
    return scan_range(data, part.start, part.end, first=first)


def spans(file: CsvFile, scans: Sequence[tuple[RangeScan, RangeScan]]) -> list[Span]:
    """The spans of a file, from the scans of its ranges in order; a record belongs to the range in which it begins.

    RunRefused names the row of the first stray quote, or of the quote that is never closed.
    """
    starts, inside, row = [(file.format.mark_bytes, 1)], False, 1
    for number, states in enumerate(scans):
        state = states[inside]
        if state.stray_quote >= 0:
            raise misplaced_quote(file.uri, row + state.ends_before_stray, state.stray_quote)
        if number and state.first_record >= 0:
            starts.append((state.first_record, row + 1))
        row, inside = row + state.n_ends, state.ends_inside
    if inside:
        raise unclosed_quote(file.uri, row)
    ends = [start for start, _ in starts[1:]] + [file.size]
    return [Span(file, start, end, first) for (start, first), end in zip(starts, ends, strict=True) if start < end]


def span_blocks(span: Span) -> Iterator[Block]:
    """The records of the span, including the file's header."""
    file = span.file
    chunks = byte_chunks(file.uri, span.start, span.end) if file.format.plain else text_chunks(file.uri, file.format)
    return blocks(chunks, file.name, first_row=span.first_row, position=span.start)


def span_tables(span: Span, table: CsvTable, columns: Sequence[str]) -> Iterator[pa.Table]:
    """`columns` and MALFORMED of the span's rows below the header, block by block."""
    source = span.file.name.rsplit("/", 1)[-1] + ", " if len(table.files) > 1 else ""
    for block in span_blocks(span):
        parsed = columns_of(block, table.header, columns) if block.first_row > span.file.header_row else None
        if parsed is None:
            rows = (row for row in block.rows() if row[0] > span.file.header_row)
            parsed = columns_of_rows(rows, table.header, columns, source)
        yield parsed
