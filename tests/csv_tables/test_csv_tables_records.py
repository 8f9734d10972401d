"""Rows of CSV files by RFC 4180 are the same when read in chunks of any size or in ranges of bytes."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.csv_tables.columns import columns_of, columns_of_rows
from streetdeciles.csv_tables.records import MAX_RECORD_BYTES, blocks, is_blank, records
from streetdeciles.csv_tables.spans import byte_ranges, scan, span_blocks, spans
from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused

CELLS = st.text(st.sampled_from(list('",\r\n ab;\té€😀\u2028\x85\ufeff')), max_size=6)
"""Texts that are difficult for CSV readers: quotes, separators, all line ends, characters of two to four bytes."""

TABLES = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), max_size=6))


def in_pieces(content: bytes, size: int) -> list[list[str]]:
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    return [cells for _, cells in records(chunks, "t.csv")]


def in_ranges(content: bytes, size: int) -> list[list[str]]:
    """The numbered rows below the header, after checking that Arrow's columns and reading row by row give the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(content)
        table = open_table(str(path))
        (file,) = table.files
        found_in = [scan(part) for part in byte_ranges(file, size)]
        actual = [block for span in spans(file, found_in) for block in span_blocks(span)]
        rows = [(row, cells) for block in actual for row, cells in block.rows() if row > 1]
        rows = [(row, cells) for row, cells in rows if not is_blank(cells, len(table.header))]
        assert [(row, cells) for _, row, cells in table.rows()] == rows
    if len({*table.header}) == len(table.header):
        by_column = [columns_of(block, table.header, table.header) for block in actual]
        for block, columns in zip(actual, by_column, strict=True):
            one_by_one = columns_of_rows(block.rows(), table.header, table.header, "")
            assert columns is None or columns.equals(one_by_one)
    return [cells for _, cells in rows]


@given(TABLES, st.sampled_from(["\r\n", "\n", "\r"]), st.integers(2, 40), st.booleans())
@settings(max_examples=150, deadline=None)
def test_tables_of_pythons_csv_writer_are_read_unchanged(
    table: list[list[str]], end: str, size: int, with_mark: bool
) -> None:
    text = io.StringIO(newline="")
    # Python 3.11 quotes a lone CR only if the lines end with one.
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    header = [f"c{i}" for i in range(len(table[0]) if table else 1)]
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([header, *table])
    content = text.getvalue().encode()
    assert in_pieces(content, size) == [header, *table]
    assert in_ranges((b"\xef\xbb\xbf" if with_mark else b"") + content, size) == table


@given(TABLES.filter(len), st.sampled_from(["\r\n", "\n", "\r"]), st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_tables_of_pandas_are_read_unchanged(table: list[list[str]], end: str, size: int) -> None:
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    frame = pd.DataFrame(table, columns=[f"c{i}" for i in range(len(table[0]))])
    content = frame.to_csv(index=False, lineterminator=end, quoting=quoting).encode()
    assert in_ranges(content, size) == table


def rfc_4180(text: str) -> list[list[str]] | str:
    """The rows, or the first error and its row, by a machine of four states that reads one character at a time."""
    rows: list[list[str]] = [[""]]
    state, at = "start", 0
    while at < len(text):
        character = text[at]
        at += 1
        if state == "quoted":
            state = "closed" if character == '"' else state
            rows[-1][-1] += "" if character == '"' else character
        elif character == '"' and state == "closed":
            rows[-1][-1] += character
            state = "quoted"
        elif character == '"' and state == "start":
            state = "quoted"
        elif character == ",":
            rows[-1].append("")
            state = "start"
        elif character in "\r\n":
            at += text[at - 1 : at + 1] == "\r\n"
            rows.append([""])
            state = "start"
        elif character == '"' or state == "closed":
            return f"row {len(rows)}: a stray quote"
        else:
            rows[-1][-1] += character
            state = "plain"
    return f"row {len(rows)}: a quoted field is not closed" if state == "quoted" else rows


@given(st.text(st.sampled_from(list('",\r\nxé')), max_size=30), st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_as_rfc_4180_says(text: str, size: int) -> None:
    expected = rfc_4180("a,b\n" + text)
    content = b"a,b\n" + text.encode()
    if isinstance(expected, str):
        for read in (in_pieces, in_ranges):
            with pytest.raises(RunRefused, match=expected):
                read(content, size)
    else:
        expected = expected[:-1] if expected[-1] == [""] and text[-1:] in ("", "\r", "\n") else expected
        assert [cells or [""] for cells in in_pieces(content, size)] == expected
        assert in_ranges(content, size) == [cells for cells in expected[1:] if len(cells) > 1 or cells[0].strip()]


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_text_that_is_not_utf_8_is_named_by_row_and_byte(size: int) -> None:
    content = 'id,name\n1,"a\nb"\n2,café\n'.encode("cp1252")
    with pytest.raises(RunRefused, match=r"^t.csv, row 3: not UTF-8 text \(byte 21\); save it as UTF-8"):
        in_pieces(content, size)


def test_nul_byte_is_refused_by_row() -> None:
    with pytest.raises(RunRefused, match=r"^t.csv, row 2: has a NUL byte \(byte 4\)"):
        in_pieces(b"a,b\n\0\0\n", 3)


def test_endless_row_is_refused_before_it_fills_memory() -> None:
    endless = (b"x" * (1 << 20) for _ in range(10_000))
    with pytest.raises(RunRefused, match=rf"row 1: is longer than {MAX_RECORD_BYTES >> 20} MB"):
        list(records(endless, "t.csv"))


def test_long_cell_is_read() -> None:
    shape = "POLYGON " * 50_000
    assert in_pieces(f'id,shape\n1,"{shape}"\n'.encode(), 1 << 20)[1] == ["1", shape]


def test_arrow_reads_blocks_of_equal_rows() -> None:
    (block,) = blocks([b'1,"a\r\n""b"""\r\n2,\xc3\xa9\r\n\r\n'], "t.csv")
    columns = columns_of(block, ["id", "text"], ["text", "none"])
    assert columns is not None
    assert columns.to_pydict() == {"text": ['a\r\n"b"', "é"], "none": [None, None], "malformed": [None, None]}
