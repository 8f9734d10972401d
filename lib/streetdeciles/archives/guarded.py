"""The bytes of a tar for `tarfile`, which trusts whatever the headers say."""

from __future__ import annotations

from gzip import GzipFile
from typing import IO

from streetdeciles.archives.damage import ArchiveBomb, ArchiveDamaged

MAX_HEADER_BYTES = 1024 * 1024
"""Limit for long names and other headers, because tarfile reads them into memory."""

STEP_BYTES = 1024 * 1024
MAX_GROWTH = 200
"""Maximum size after decompression, in compressed sizes: no photograph's file compresses to a 200th, but deflate can
reach 1,032."""

SMALL_BYTES = 64 * 1024 * 1024
"""Up to this size, growth does no harm."""


class Guarded:
    """A file that can only be read forwards; ArchiveDamaged if a header asks for anything else.

    `compressed`: the file that the bytes are decompressed from; ArchiveBomb if they become far more than that.
    """

    def __init__(self, file: IO[bytes] | GzipFile, compressed: IO[bytes] | None = None) -> None:
        self._file = file
        self._compressed = compressed
        self._position = 0
        self.last = b""
        """The bytes that were read last."""

    def read(self, n: int) -> bytes:
        if not 0 <= n <= MAX_HEADER_BYTES:
            raise ArchiveDamaged(f"a header of {n} bytes")
        self.last = self._file.read(n)
        self._position += len(self.last)
        self._refuse_bomb()
        return self.last

    def seek(self, position: int) -> int:
        if position < self._position:
            raise ArchiveDamaged("a member of negative size")
        if self._compressed is None:
            self._file.seek(position)
            self._position = position
        while self._position < position:
            skipped = len(self._file.read(min(STEP_BYTES, position - self._position)))
            if not skipped:
                raise ArchiveDamaged("it ends in the middle of a member")
            self._position += skipped
            self._refuse_bomb()
        return position

    def tell(self) -> int:
        return self._position

    def _refuse_bomb(self) -> None:
        if self._compressed is None or self._position < SMALL_BYTES:
            return
        if self._position > MAX_GROWTH * max(1, self._compressed.tell()):
            raise ArchiveBomb(f"{self._compressed.tell()} bytes that become more than {self._position}")
