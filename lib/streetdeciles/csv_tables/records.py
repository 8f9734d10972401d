"""From the bytes of a CSV file to its rows, each with its number; what is not RFC 4180 or not UTF-8 is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import numpy as np

from streetdeciles.csv_tables.structure import ends_inside, length_of_records, record_ends, stray_quote
from streetdeciles.errors import RunRefused

MAX_RECORD_BYTES = 4 << 20
"""Of one row. A longer one is a quote that is not closed, or not a table."""

SAVE_AS_UTF_8 = "save it as UTF-8 (in a spreadsheet: 'CSV UTF-8 (comma delimited)')"


def records(
    chunks: Iterable[bytes], source: str, *, first_row: int = 1, position: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Each row's number and cells; a blank line is a row without cells.

    The chunks are UTF-8, cut anywhere; they begin with row `first_row`, at byte `position` of the file `source`.
    RunRefused names the file and the row that is damaged.
    """
    csv.field_size_limit(MAX_RECORD_BYTES)  # Python's own limit is 128 KB; a shape in a cell may be longer
    row, rest = first_row, b""
    for chunk in chunks:
        data = rest + chunk
        length = length_of_records(np.frombuffer(data, np.uint8))
        for cells in _rows(data[:length], source, row, position):
            yield row, cells
            row += 1
        position += length
        rest = data[length:]
        if len(rest) > MAX_RECORD_BYTES:
            _refuse_damage(rest, source, row, position)
            raise RunRefused(
                f"{source}, row {row}: is longer than {MAX_RECORD_BYTES >> 20} MB; close the quoted field that begins "
                "in it, if one does, or check that the file is a CSV table"
            )
    if ends_inside(np.frombuffer(rest, np.uint8)):
        _refuse_damage(rest, source, row, position)
        raise unclosed_quote(source, row)
    for cells in _rows(rest, source, row, position):
        yield row, cells
        row += 1


def is_blank(cells: list[str], n_columns: int) -> bool:
    """Whether the row is an empty line of the file, or one of blanks only."""
    return not cells or (len(cells) == 1 < n_columns and not cells[0].strip())


def unclosed_quote(source: str, row: int) -> RunRefused:
    return RunRefused(f"{source}, row {row}: a quoted field is not closed before the file ends; add the missing quote")


def misplaced_quote(source: str, row: int, position: int) -> RunRefused:
    return RunRefused(
        f'{source}, row {row}: a stray quote (byte {position}); a field that holds " must be within quotes, '
        "and each quote in it doubled"
    )


def _rows(block: bytes, source: str, row: int, position: int) -> Iterator[list[str]]:
    """The rows of a block of whole records."""
    text = _refuse_damage(block, source, row, position)
    # Without newline="" a lone CR, which ends the lines of some published files, would not end a row.
    return csv.reader(io.StringIO(text, newline=""), strict=True)


def _refuse_damage(block: bytes, source: str, row: int, position: int) -> str:
    """The block's text; RunRefused where it has NUL bytes, stray quotes, or is not UTF-8."""
    data = np.frombuffer(block, np.uint8)

    def row_at(offset: int) -> int:
        return row + int(np.searchsorted(record_ends(data), offset))

    nul = block.find(b"\0")
    if nul >= 0:
        raise RunRefused(
            f"{source}, row {row_at(nul)}: has a NUL byte (byte {position + nul}), so it is not UTF-8 text or "
            f"the file is damaged; {SAVE_AS_UTF_8}, or copy it again"
        )
    stray = stray_quote(data)
    if stray is not None:
        raise misplaced_quote(source, row_at(stray), position + stray)
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RunRefused(
            f"{source}, row {row_at(error.start)}: not UTF-8 text (byte {position + error.start}); {SAVE_AS_UTF_8}"
        ) from error
