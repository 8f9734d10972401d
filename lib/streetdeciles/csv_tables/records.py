"""From the bytes of a CSV file to its numbered rows; anything but RFC 4180 and UTF-8 is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from streetdeciles.csv_tables.structure import ends_inside, record_ends, stray_quote, whole_records
from streetdeciles.errors import NotUtf8, RunRefused

MAX_RECORD_BYTES = 4 << 20
"""Maximum length of a row. A longer one has an unclosed quote, or the file is not a table."""

SAVE_AS_UTF_8 = "save it as UTF-8 (in a spreadsheet: 'CSV UTF-8 (comma delimited)')"


class Block(NamedTuple):
    """Whole records of the file `source`, checked: UTF-8 without stray quotes or NUL bytes."""

    source: str
    content: bytes
    first_row: int
    n_rows: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row's number and cells; a blank line is a row without cells."""
        csv.field_size_limit(MAX_RECORD_BYTES)  # Python's default is 128 KB; a shape in a cell may be longer
        # Some published files end lines with a lone CR, which ends a row only with newline="".
        lines = io.StringIO(self.content.decode("utf-8"), newline="")
        return enumerate(csv.reader(lines, strict=True), start=self.first_row)


def blocks(chunks: Iterable[bytes], source: str, *, first_row: int = 1, position: int = 0) -> Iterator[Block]:
    """The records of the chunks, in blocks of about the size of a chunk.

    The chunks are UTF-8, cut anywhere; they begin with row `first_row`, at byte `position` of the file `source`.
    RunRefused names the file and the damaged row.
    """
    row, rest = first_row, b""
    for chunk in chunks:
        data = rest + chunk
        length, n_rows = whole_records(np.frombuffer(data, np.uint8))
        if n_rows:
            yield _checked(Block(source, data[:length], row, n_rows), position)
        row, position, rest = row + n_rows, position + length, data[length:]
        if len(rest) > MAX_RECORD_BYTES:
            _checked(Block(source, rest, row, 1), position)
            raise RunRefused(
                f"{source}, row {row}: is longer than {MAX_RECORD_BYTES >> 20} MB; check that each quoted field in it "
                "is closed, and that the file is a CSV table"
            )
    if rest:
        last = _checked(Block(source, rest, row, 1), position)
        if ends_inside(np.frombuffer(rest, np.uint8)):
            raise unclosed_quote(source, row)
        yield last


def records(
    chunks: Iterable[bytes], source: str, *, first_row: int = 1, position: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each row of `blocks`."""
    for block in blocks(chunks, source, first_row=first_row, position=position):
        yield from block.rows()


def is_blank(cells: list[str], n_columns: int) -> bool:
    """Whether the row is an empty line, or has nothing but blanks."""
    return not cells or (len(cells) == 1 < n_columns and not cells[0].strip())


def unclosed_quote(source: str, row: int) -> RunRefused:
    return RunRefused(f"{source}, row {row}: a quoted field is not closed before the file ends; add the missing quote")


def misplaced_quote(source: str, row: int, position: int) -> RunRefused:
    return RunRefused(
        f'{source}, row {row}: a stray quote (byte {position}); a field that contains " must be enclosed in quotes, '
        "and each quote in it doubled"
    )


def _checked(block: Block, position: int) -> Block:
    """The block, which begins at byte `position` of its file."""
    source, content, first_row, _ = block
    data = np.frombuffer(content, np.uint8)

    def row_at(offset: int) -> int:
        return first_row + int(np.searchsorted(record_ends(data), offset))

    nul = content.find(b"\0")
    if nul >= 0:
        raise RunRefused(
            f"{source}, row {row_at(nul)}: has a NUL byte (byte {position + nul}), so it is not UTF-8 text or "
            f"the file is damaged; {SAVE_AS_UTF_8}, or copy it again"
        )
    stray = stray_quote(data)
    if stray is not None:
        raise misplaced_quote(source, row_at(stray), position + stray)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8(
            f"{source}, row {row_at(error.start)}: not UTF-8 text (byte {position + error.start}); {SAVE_AS_UTF_8}"
        ) from error
    return block
