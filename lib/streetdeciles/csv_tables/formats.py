"""Recognising by its content how a CSV file is compressed and encoded, and reading it as plain UTF-8."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal

from streetdeciles import storage
from streetdeciles.csv_tables.records import SAVE_AS_UTF_8
from streetdeciles.errors import RunRefused

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 512

Compression = Literal["gzip", "bzip2", "xz", "zstd", "zip"]

_COMPRESSIONS: dict[Compression, bytes] = {
    "gzip": rb"\x1f\x8b",
    "bzip2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",
    "xz": rb"\xfd7zXZ\x00|\x5d\x00\x00",
    "zstd": rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18",
    "zip": rb"PK(\x03\x04|\x05\x06|\x07\x08)",
}
_OTHERS = {
    "a Parquet file": rb"PAR1[\x00-\x1f]",
    "an old Excel workbook": rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "a tar archive": rb"(?s:.{257})ustar[\x00 ]",
    "compressed with lz4": rb"\x04\x22\x4d\x18",
    "compressed with snappy": rb"\xff\x06\x00\x00sNaPpY",
    "compressed with compress (.Z)": rb"\x1f\x9d",
    "a PDF document": rb"%PDF-",
    "an HDF5 file": rb"\x89HDF\r\n",
    "an SQLite database": rb"SQLite format 3\x00",
    "a web page": rb"(?i)\s*<(!doctype html|html)",
    "an XML document": rb"\s*<\?xml",
    "JSON": rb"\s*[\[{]\s*[\"{\[]",
    "UTF-32 text": rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff",
}
_WORKBOOK_PARTS = frozenset({"[Content_Types].xml", "mimetype"})
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@dataclass(frozen=True)
class Format:
    """How a file is read. A file that is not `plain` can only be read from its beginning, as one stream."""

    compression: Compression | None
    encoding: Literal["utf-8", "utf-16", "windows-1252"]
    mark_bytes: int
    """Length of the byte order mark at the beginning of the text."""
    member: str | None = None
    """The name of the file in a zip archive of several."""

    @property
    def plain(self) -> bool:
        return self.compression is None and self.encoding == "utf-8"


def recognise(uri: str, member: str | None = None) -> Format:
    """The format of the file at `uri`; RunRefused if it is not a CSV table.

    `member` is the file to read from a zip archive of several.
    """
    with _open(uri) as file:
        head = _head(file)
        compression = next((name for name, magic in _COMPRESSIONS.items() if re.match(magic, head)), None)
        if compression:
            file.seek(0)
            with _named_damage(uri, compression):
                head = _head(_decompressed(uri, file, compression, member))
            if any(re.match(magic, head) for magic in _COMPRESSIONS.values()):
                raise RunRefused(f"{uri}: holds another compressed file ({compression}); compress the CSV only once")
    other = next((name for name, magic in _OTHERS.items() if re.match(magic, head)), None)
    if other:
        raise RunRefused(f"{uri}: {'holds' if compression else 'is'} {other}; expected a CSV table as UTF-8 text")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Format(compression, "utf-16", 2, member)
    return Format(compression, "utf-8", 3 if head.startswith(codecs.BOM_UTF8) else 0, member)


def is_workbook(uri: str) -> bool:
    """Whether the file is a spreadsheet's workbook (xlsx, ods): a zip archive with the parts of one."""
    with _open(uri) as file:
        if not zipfile.is_zipfile(file):
            return False
        file.seek(0)
        with _named_damage(uri, "zip"):
            return not _WORKBOOK_PARTS.isdisjoint(zipfile.ZipFile(file).namelist())


def text_chunks(uri: str, file_format: Format) -> Iterator[bytes]:
    """The file's text as UTF-8 without its byte order mark, in chunks; memory use is bounded for any file."""
    with _open(uri) as file:
        compression = file_format.compression
        stream = file if compression is None else _decompressed(uri, file, compression, file_format.member)
        chunks = _chunks(uri, stream, compression)
        if file_format.encoding == "utf-16":
            yield from _from_utf_16(uri, chunks)
        elif file_format.encoding == "windows-1252":
            yield from _from_windows_1252(uri, chunks)
        else:
            skip = file_format.mark_bytes
            for chunk in chunks:
                yield chunk[skip:]
                skip = 0


def byte_chunks(uri: str, start: int, end: int) -> Iterator[bytes]:
    """The bytes `start` to `end` of the file, in chunks."""
    with _open(uri) as file:
        file.seek(start)
        while start < end:
            chunk = file.read(min(CHUNK_BYTES, end - start))
            if not chunk:
                raise RunRefused(f"{uri}: became shorter while it was read; run again when it is complete")
            start += len(chunk)
            yield chunk


@contextmanager
def _open(uri: str) -> Iterator[IO[bytes]]:
    fs, path = storage.filesystem(uri)
    try:
        file = fs.open(path, "rb")
    except OSError as error:
        raise RunRefused(
            f"{uri}: cannot be read ({error.strerror or error}); check the path and its permissions"
        ) from error
    with file:
        yield file


def _head(file: IO[bytes]) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES and (more := file.read(HEAD_BYTES - len(head))):
        head += more
    return head


def _chunks(uri: str, stream: IO[bytes], compression: Compression | None) -> Iterator[bytes]:
    while True:
        with _named_damage(uri, compression):
            chunk = stream.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _decompressed(uri: str, file: IO[bytes], compression: Compression, member: str | None) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    if compression == "bzip2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    if compression == "zip":
        return _member(uri, file, member)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


def _member(uri: str, file: IO[bytes], name: str | None) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    member = archive.getinfo(name) if name is not None else _only_member(uri, archive)
    if member.flag_bits & 1:
        raise RunRefused(f"{uri}: is a zip archive with a password; unpack it")
    if member.compress_type not in _ZIP_METHODS:
        raise RunRefused(
            f"{uri}: is a zip archive compressed by an unsupported method (number {member.compress_type}, "
            "9 is Deflate64); unpack it"
        )
    return archive.open(member)


def _only_member(uri: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    # macOS adds a second file for each, with metadata of its own file system.
    members = [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    names = [info.filename for info in members]
    if not _WORKBOOK_PARTS.isdisjoint(names):
        raise RunRefused(f"{uri}: is a workbook of a spreadsheet; save the sheet as 'CSV UTF-8 (comma delimited)'")
    if len(members) != 1:
        listed = ", ".join(repr(name) for name in names[:5]) + (", …" if len(names) > 5 else "")
        raise RunRefused(
            f"{uri}: is a zip archive of {len(members)} files ({listed or 'none'}); expected one CSV file, so unpack it"
        )
    return members[0]


@contextmanager
def _named_damage(uri: str, compression: Compression | None) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        if compression is None or getattr(error, "errno", None) is not None:
            raise RunRefused(f"{uri}: cannot be read ({error})") from error
        raise RunRefused(
            f"{uri}: its {compression} data are damaged or cut short ({error}); copy or download it again"
        ) from error


def _from_utf_16(uri: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8")
        yield decoder.decode(b"", final=True).encode("utf-8")
    except UnicodeDecodeError as error:
        raise RunRefused(f"{uri}: begins like UTF-16 text, but is not ({error.reason}); {SAVE_AS_UTF_8}") from error


def _from_windows_1252(uri: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            yield chunk.decode("windows-1252").encode("utf-8")
    except UnicodeDecodeError as error:
        raise RunRefused(f"{uri}: is neither UTF-8 nor Windows-1252 text ({error.reason}); {SAVE_AS_UTF_8}") from error
