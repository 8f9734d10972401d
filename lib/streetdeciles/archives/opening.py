"""Opening what should be a file: by now it may be a pipe, which would block whoever opens it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from streetdeciles import storage

STEP_BYTES = 1024 * 1024

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
        return cast(IO[bytes], _WholeReads(fs.open(path, "rb")))
    descriptor, _ = _open_descriptor(path)
    try:
        _refuse_other_kinds(os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


class _WholeReads:
    """A file in a store; OSError where fewer bytes come than it has, which else would pass for its end.

    fsspec knows the size from a request of its own.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._size: int | None = getattr(file, "size", None)

    def read(self, length: int | None = -1) -> bytes:
        start = self._file.tell()
        content: bytes = self._file.read(-1 if length is None else length)
        if self._size is None:
            return content
        expected = max(0, self._size - start)
        if length is not None and length >= 0:
            expected = min(expected, length)
        if len(content) < expected:
            raise OSError(f"the store has sent {len(content)} of {expected} bytes")
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def read_local_file(path: str, max_bytes: int) -> bytes:
    """The first `max_bytes` of a local file, in as few system calls as possible; raises as `opened` does.

    Each call releases the interpreter's lock, and has to wait for it again where many threads decode.
    """
    descriptor, n_bytes = _open_descriptor(path)
    try:
        content = os.read(descriptor, min(n_bytes + 1, max_bytes)) if n_bytes else b""
        if content and len(content) in (n_bytes, max_bytes):
            return content
        # Another kind of file, or one that has grown or does not say how long it is.
        _refuse_other_kinds(os.fstat(descriptor))
        parts = [content]
        while (left := max_bytes - sum(map(len, parts))) > 0 and (part := os.read(descriptor, min(left, STEP_BYTES))):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _open_descriptor(path: str) -> tuple[int, int]:
    """(a descriptor of the file, its length just before); the kind may have changed meanwhile."""
    status = os.stat(path)  # opening a device may have an effect
    _refuse_other_kinds(status)
    # It may have become a pipe since: without O_NONBLOCK, opening one waits for a writer.
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), status.st_size


def _refuse_other_kinds(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind in KINDS:
        raise NotAFile(f"{KINDS[kind]}, not a file")
