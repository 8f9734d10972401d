"""Bytes that can be read together: neighbouring members of an archive as one range, remote files side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streetdeciles import storage
from streetdeciles.archives.reading import read_range
from streetdeciles.extraction.extracted import Row

MAX_GAP_BYTES = 4096
"""Between neighbours there is a tar's or a zip's header, and padding."""

MAX_RANGE_BYTES = 16 * 1024 * 1024


class Range(NamedTuple):
    """A part of a file that holds the bytes of some rows."""

    uri: str
    start: int
    end: int
    rows: list[Row]

    def slices(self, content: Any) -> list[bytes | None]:
        """The bytes of each row; None for all where `content` is not the range's bytes."""
        if not isinstance(content, bytes) or len(content) != self.end - self.start:
            return [None] * len(self.rows)
        starts = [(row.offset or 0) - self.start for row in self.rows]
        return [content[start : start + (row.length or 0)] for start, row in zip(starts, self.rows, strict=True)]


def ranges(rows: Sequence[Row]) -> list[Range]:
    """One range for each run of neighbours; a whole file is a range of its own, as long as the index says."""
    merged: list[Range] = []
    for row in rows:
        start, end = row.offset or 0, (row.offset or 0) + (row.length or 0)
        last = merged[-1] if merged else None
        if (
            last is not None
            and row.offset is not None
            and last.uri == row.uri
            and 0 <= start - last.end <= MAX_GAP_BYTES
            and end - last.start <= MAX_RANGE_BYTES
        ):
            merged[-1] = last._replace(end=end, rows=[*last.rows, row])
        else:
            merged.append(Range(row.uri, start, end, [row]))
    return merged


def read_together(rows: Sequence[Row], max_bytes: int) -> list[bytes | None]:
    """The bytes of rows that lie open in files of one file system, in their order.

    None for each row that cannot be read in this way, or differs from the index: reading it alone shows why.
    """
    if not rows:
        return []
    is_local = storage.is_local(rows[0].uri)
    are_whole = is_local and all(row.offset is None for row in rows)  # these are read one by one
    if are_whole or any(not row.length or row.length > max_bytes for row in rows):
        return [None] * len(rows)
    parts = ranges(rows)
    try:
        contents = [_read_local(part) for part in parts] if is_local else _read_remote(parts)
    except Exception:  # reading them alone shows which one it is, and why
        return [None] * len(rows)
    of_rows: list[bytes | None] = []
    for part, content in zip(parts, contents, strict=True):
        of_rows += part.slices(content)
    return of_rows


def _read_remote(parts: Sequence[Range]) -> list[Any]:
    """One request for each, side by side; errors take the place of bytes. None where the file system cannot do that."""
    fs = storage.filesystem(parts[0].uri)[0]
    if not getattr(fs, "async_impl", False):
        return [None] * len(parts)
    paths = [storage.filesystem(part.uri)[1] for part in parts]
    # One byte more of whole files shows whether a file has grown.
    ends = [part.end + (part.rows[0].offset is None) for part in parts]
    contents: list[Any] = fs.cat_ranges(paths, [part.start for part in parts], ends, on_error="return")
    return contents


def _read_local(part: Range) -> bytes | None:
    """The range of a local file if it has several rows; one alone is read as any other file."""
    return read_range(part.uri, part.start, part.end - part.start) if len(part.rows) > 1 else None
