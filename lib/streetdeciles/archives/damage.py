"""Telling damage in an archive from errors of the disk or the network that it is read from."""

from __future__ import annotations

import errno
import gzip
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from streetdeciles.errors import reason


class ArchiveDamaged(Exception):
    """The archive cannot be read beyond this point, and trying again will not help."""


class ArchiveBomb(ArchiveDamaged):
    """A small archive that becomes far too large when it is decompressed."""


class MemberTooLarge(Exception):
    """The member is larger than the caller allows."""


_DAMAGE = (
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
"""What tarfile, zipfile and gzip raise on damaged bytes; other errors say nothing about the archive."""


@contextmanager
def as_archive_damaged() -> Iterator[None]:
    """Turn what the readers of archives raise on damaged bytes into ArchiveDamaged."""
    try:
        yield
    except ArchiveDamaged:
        raise
    except _DAMAGE as error:
        raise ArchiveDamaged(reason(error, 200)) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a position before the file's first byte
            raise ArchiveDamaged(reason(error, 200)) from error
        raise
