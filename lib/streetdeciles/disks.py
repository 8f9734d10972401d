"""Whether a folder is on a disk, or on an object store that is mounted as if it were one (Databricks' `/Volumes`).

There a file is written from its beginning to its end, and nothing else: it cannot be appended to, changed or mapped
into memory. What needs that is made on a disk, and copied as a whole.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from streetdeciles.uris import is_local, local_path

NOT_ITS_FAULT = (errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.ENOENT, errno.ENOSPC, errno.EPERM, errno.EROFS)
"""Errors of a disk that is full, or that this user may not write to; whoever writes there will report it."""


def is_disk(folder: str) -> bool:
    """Whether files in this folder, which must exist, can be appended to and changed; it is tried once per process."""
    return is_local(folder) and _takes_changes(local_path(folder))


@cache
def _takes_changes(folder: str) -> bool:
    probe = Path(folder) / f".{uuid4().hex}.unfinished"
    try:
        probe.write_bytes(b"ab")
        with probe.open("ab") as file:
            file.write(b"c")
        with probe.open("r+b") as file:
            file.write(b"x")
        return probe.read_bytes() == b"xbc"
    except OSError as error:
        return error.errno in NOT_ITS_FAULT
    finally:
        with suppress(OSError):
            probe.unlink()


class Sequential:
    """A file that is written from its beginning to its end: without `seek` and `tell`, zipfile does not go back."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, content: Any) -> int:
        return int(self._file.write(content))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Does nothing: whoever opened the file closes it."""
