"""What tells that an archive itself is at fault, and not the disk or the network that it is read from."""

from __future__ import annotations

import errno
import gzip
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager


class ArchiveDamaged(Exception):
    """The archive cannot be read from here on, today or any other day."""


class ArchiveBomb(ArchiveDamaged):
    """It grows without end when it is decompressed."""


class MemberTooLarge(Exception):
    """The member has more bytes than are wanted."""


_SIGNS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    struct.error,
    ValueError,
    OverflowError,
    LookupError,
    RecursionError,  # names within names within names
)
"""What tarfile, zipfile and gzip raise on damaged bytes; all else is no statement about the archive."""


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn what damaged bytes make the readers of archives raise into ArchiveDamaged."""
    try:
        yield
    except ArchiveDamaged:
        raise
    except _SIGNS as error:
        raise ArchiveDamaged(_said(error)) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a position before the file's first byte
            raise ArchiveDamaged(_said(error)) from error
        raise


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
