"""Opening what should be a file: by now it may be a pipe, which would block whoever opens it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from streetdeciles import storage

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotAFile(Exception):
    """Something other than a file or a folder; the text says what."""


@contextmanager
def opened(uri: str) -> Iterator[IO[bytes]]:
    """The file at `uri`, open for reading; links are followed.

    Raises:
        NotAFile: it is not a file; nothing of it has been read.
        Exception: it cannot be opened; the type depends on its file system.
    """
    file = open_file(uri)
    try:
        yield file
    finally:
        file.close()


def open_file(uri: str) -> IO[bytes]:
    """As `opened`, for a file that the caller closes."""
    fs, path = storage.filesystem(uri)
    if not storage.is_local(uri):
        file: IO[bytes] = fs.open(path, "rb")
        return file
    _refuse_other_kinds(os.stat(path))  # opening a device may have an effect
    # It may have become a pipe since: without O_NONBLOCK, opening one waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_other_kinds(os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_other_kinds(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind in KINDS:
        raise NotAFile(f"{KINDS[kind]}, not a file")
