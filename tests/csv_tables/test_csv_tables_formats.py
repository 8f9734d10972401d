"""Compressions and encodings are recognised by a file's content, and read or refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused

TEXT = 'id,name\r\n1,"Zoë, ""the first"""\r\n2,b\r\n'
ROWS = [["1", 'Zoë, "the first"'], ["2", "b"]]


def zipped(*names: str, content: bytes = TEXT.encode(), method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def read(path: Path) -> list[list[str]]:
    return [cells for _, _, cells in open_table(str(path)).rows()]


def refusal(path: Path) -> str:
    with pytest.raises(RunRefused) as refused:
        read(path)
    assert str(refused.value).startswith(str(path))
    return str(refused.value).removeprefix(str(path))


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip in two members": lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "zstd": zstd,
    "zip": lambda content: zipped("__MACOSX/._t.csv", "t/", "t/t.csv", content=content),
}


@pytest.mark.parametrize("ending", ["csv", "CSV.GZ", "csv.zip", "txt"])
@pytest.mark.parametrize("compression", COMPRESSED)
def test_compression_is_recognised_whatever_the_name(tmp_path: Path, compression: str, ending: str) -> None:
    path = tmp_path / f"table.{ending}"
    path.write_bytes(COMPRESSED[compression](TEXT.encode()))
    assert read(path) == ROWS


@pytest.mark.parametrize("compression", ["plain", "gzip", "zip"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_byte_order_mark_decides_the_encoding(tmp_path: Path, encoding: str, compression: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path = tmp_path / "table.csv"
    path.write_bytes(COMPRESSED[compression]((mark + TEXT).encode(encoding)))
    assert open_table(str(path)).header == ("id", "name")
    assert read(path) == ROWS


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz", "zstd", "zip"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_compressed_file_cut_short_is_refused(tmp_path: Path, compression: str, kept: float) -> None:
    content = COMPRESSED[compression](os.urandom(20_000).hex().encode())
    path = tmp_path / "table.csv"
    path.write_bytes(content[: int(len(content) * kept)])
    assert refusal(path).startswith(f": its {compression} data are damaged or cut short")


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("t.csv"))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (zipped("a.csv", "b.csv"), "is a zip archive of 2 files ('a.csv', 'b.csv'); expected one CSV"),
        (zipped(), "is a zip archive of 0 files (none)"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "is a workbook of a spreadsheet; save the sheet as 'CSV"),
        (gzip.compress(gzip.compress(b"id\n", mtime=0), mtime=0), "holds another compressed file (gzip)"),
        (gzip.compress(tarred(), mtime=0), "holds a tar archive"),
        (tarred(), "is a tar archive"),
        (b"PAR1\x15\x04", "is a Parquet file; expected a CSV table"),
        (b"\x04\x22\x4d\x18", "is compressed with lz4"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (TEXT.encode("utf-32"), "is UTF-32 text"),
        (TEXT.encode("utf-16-le"), "row 1: has a NUL byte (byte 1), so it is not UTF-8 text"),
        (TEXT.encode("utf-16")[:-1], "begins like UTF-16 text, but is not (truncated data)"),
        (b"id;name\n1;2\n", "its columns are separated by semicolons; expected commas"),
        (b'"id"\t"name"\n1\t2\n', "its columns are separated by tabs"),
        (b"\n\nid|name\n", "its columns are separated by vertical bars"),
        (b"", "is empty; expected a CSV table with a header"),
        (b"\xef\xbb\xbf\r\n\r\n", "is empty"),
    ],
)
def test_other_content_is_refused_by_name(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert expected in refusal(path)


def test_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal(tmp_path / "pipe")


def test_folder_of_part_files_is_one_table(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-0.csv.crc").write_bytes(b"\xff")
    (tmp_path / "part-0.csv").write_text("id,name\n1,a\n")
    (tmp_path / "part-1.csv").touch()
    (tmp_path / "part-2.csv.gz").write_bytes(gzip.compress("\ufeffid, name\n2,b\n".encode()))
    table = open_table(str(tmp_path))
    assert [(Path(file).name, row, cells) for file, row, cells in table.rows()] == [
        ("part-0.csv", 2, ["1", "a"]),
        ("part-2.csv.gz", 2, ["2", "b"]),
    ]


def test_folder_that_is_not_one_table_is_refused(tmp_path: Path) -> None:
    assert "is a folder that holds no files" in refusal(tmp_path)
    (tmp_path / "part-0.csv").write_text("id,name\n")
    (tmp_path / "part-1.csv").write_text("name,id\n")
    with pytest.raises(RunRefused, match="part-1.csv: has the columns name, id, and .*part-0.csv has id, name"):
        open_table(str(tmp_path))
    (tmp_path / "year=2019").mkdir()
    assert "holds the folder 'year=2019'" in refusal(tmp_path)
    (tmp_path / "_temporary").mkdir()
    assert "was left unfinished" in refusal(tmp_path)
