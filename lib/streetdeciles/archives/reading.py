"""The bytes of a member of an archive, or of a row of a Parquet file."""

from __future__ import annotations

import gzip
import zipfile
from typing import IO

from streetdeciles.archives.damage import ArchiveDamaged, MemberTooLarge, as_archive_damaged
from streetdeciles.archives.names import COMPRESSED_TAR, PARQUET, ZIP, zip_member_name
from streetdeciles.archives.opening import open_file, opened
from streetdeciles.archives.parquet import ParquetRows

STEP_BYTES = 1024 * 1024


def lies_open(uri: str, member: str | None, offset: int | None) -> bool:
    """Whether the bytes are in the file uncompressed: a file, a member of a plain tar, a stored member of a zip."""
    if member is None:
        return True
    return offset is not None and not COMPRESSED_TAR.fullmatch(uri) and not PARQUET.fullmatch(uri)


def read_range(uri: str, offset: int, length: int) -> bytes:
    """`length` bytes of the file from byte `offset`; ArchiveDamaged if the file ends before that."""
    with opened(uri) as file:
        file.seek(offset)
        content: bytes = file.read(length)
    if len(content) < length:
        raise ArchiveDamaged(f"{len(content)} of the member's {length} bytes are there")
    return content


class MemberReader:
    """Reads compressed members, and rows of Parquet files, one after another.

    It keeps the last archive open, so reading members in the archive's order takes one pass over it. Not thread-safe.
    """

    def __init__(self) -> None:
        self._uri: str | None = None
        self._file: IO[bytes] | None = None
        self._archive: _Stream | _Directory | ParquetRows | None = None

    def read(self, uri: str, member: str, offset: int | None, length: int | None, *, max_bytes: int) -> bytes:
        """The bytes of the member.

        Raises:
            MemberTooLarge: it has more than `max_bytes`; it is not read.
            ArchiveDamaged: it cannot be decompressed, or has disappeared.
            Exception: any error of the file system; the next call opens the archive again.
        """
        if (length or 0) > max_bytes:
            raise MemberTooLarge
        if self._uri != uri or self._archive is None or not self._archive.may_read(offset):
            self.close()
            self._open(uri)
        assert self._archive is not None
        try:
            with as_archive_damaged():
                return self._archive.read(member, offset, length, max_bytes)
        except (ArchiveDamaged, MemberTooLarge):
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._uri = self._file = self._archive = None

    def _open(self, uri: str) -> None:
        self._file = open_file(uri)
        self._uri = uri
        try:
            with as_archive_damaged():
                self._archive = _opened(uri, self._file)
        except BaseException:
            self.close()
            raise


def _opened(uri: str, file: IO[bytes]) -> _Stream | _Directory | ParquetRows:
    if ZIP.fullmatch(uri):
        return _Directory(file)
    return ParquetRows(file) if PARQUET.fullmatch(uri) else _Stream(file)


class _Stream:
    """A compressed tar."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = gzip.GzipFile(fileobj=file)
        self._position = 0
        self._last: tuple[int, bytes] | None = None
        self._damage: str | None = None

    def may_read(self, offset: int | None) -> bool:
        """False for members before the current position. After damage the rest is lost, so reopening would not help."""
        return offset is not None and (offset >= self._position or (self._last is not None and offset == self._last[0]))

    def read(self, member: str, offset: int | None, length: int | None, max_bytes: int) -> bytes:
        assert offset is not None
        assert length is not None
        if self._last is not None and self._last[0] == offset:  # several views of a panorama
            return self._last[1]
        if self._damage is not None:
            raise ArchiveDamaged(self._damage)
        try:
            with as_archive_damaged():
                while self._position < offset:
                    self._forward(min(STEP_BYTES, offset - self._position))
                self._last = offset, self._forward(length)
                return self._last[1]
        except ArchiveDamaged as error:
            self._damage = str(error)
            raise

    def _forward(self, n: int) -> bytes:
        content = self._tar.read(n)
        self._position += len(content)
        if len(content) < n:
            raise ArchiveDamaged("it ends in the middle of the member")
        return content


class _Directory:
    """A zip."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            self._members.setdefault(zip_member_name(info), info)  # zipfile itself would take the last member of a name

    def may_read(self, offset: int | None) -> bool:
        return True

    def read(self, member: str, offset: int | None, length: int | None, max_bytes: int) -> bytes:
        info = self._members.get(member)
        if info is None or info.flag_bits & 0x1:
            raise ArchiveDamaged("the member was in the index, and is gone")
        with self._zip.open(info) as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise MemberTooLarge
        return content
