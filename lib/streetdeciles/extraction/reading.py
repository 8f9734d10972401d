"""A photograph's bytes, from wherever fsspec can read, and from archives."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from streetdeciles import storage
from streetdeciles.archives.damage import ArchiveDamaged, MemberTooLarge
from streetdeciles.archives.opening import NotAFile, opened, read_local_file
from streetdeciles.archives.reading import MemberReader, read_range
from streetdeciles.errors import ShardFailed, reason
from streetdeciles.extraction.rejects import Rejected

MAX_FILE_BYTES_PER_PIXEL = 8
"""Those of 16-bit pixels with alpha, the largest that are decoded; a file with more bytes per pixel is not read."""

PAUSES_S = (0.5, 2.0)
"""Waits before the second and the third attempt at a file that cannot be read."""


def read_image(
    uri: str, offset: int | None, length: int | None, *, max_bytes: int, pauses_s: Sequence[float] = PAUSES_S
) -> bytes:
    """The whole file at `uri`, or where there is an `offset` its `length` bytes from there.

    Raises:
        Rejected: there is no such file, it is a folder or a pipe or larger than `max_bytes`, or its archive is damaged.
        ShardFailed: it cannot be read now, after all attempts: permission, network, a failing disk. That says nothing
            about the photograph, so it is never recorded as a bad one.
    """
    return _attempt(uri, partial(_read, uri, offset, length, max_bytes), max_bytes, pauses_s)


def read_member(
    reader: MemberReader,
    uri: str,
    member: str,
    offset: int | None,
    length: int | None,
    *,
    max_bytes: int,
    pauses_s: Sequence[float] = PAUSES_S,
) -> bytes:
    """A compressed member of the archive at `uri`; raises as `read_image` does."""
    read = partial(reader.read, uri, member, offset, length, max_bytes=max_bytes)
    return _attempt(uri, read, max_bytes, pauses_s)


def _attempt(uri: str, read: Callable[[], bytes], max_bytes: int, pauses_s: Sequence[float]) -> bytes:
    for pause_s in (*pauses_s, None):
        try:
            return _unless_absent(uri, read)
        except IsADirectoryError:
            raise Rejected("not_an_image", "a folder") from None
        except NotAFile as error:
            raise Rejected("not_an_image", str(error)) from None
        except MemberTooLarge:
            raise Rejected("too_large", f"more than {max_bytes} bytes") from None
        except ArchiveDamaged as error:
            raise Rejected("archive_damaged", str(error)) from None
        except (MemoryError, Rejected):
            raise
        except Exception as error:  # each file system raises its own kinds for what may pass
            if pause_s is None:
                attempts = len(pauses_s) + 1
                raise ShardFailed(f"{uri}: cannot be read, after {attempts} attempts: {reason(error)}") from error
            time.sleep(pause_s)
    raise AssertionError("the last attempt returns or raises")


def _unless_absent(uri: str, read: Callable[[], bytes]) -> bytes:
    """A library may say "not found" of what it has misread, so the file system itself is asked by name."""
    try:
        return read()
    except IsADirectoryError:
        raise
    except (OSError, ValueError):
        if storage.is_absent(uri):
            raise Rejected("missing", "was in the index, and is gone") from None
        raise


def _read(uri: str, offset: int | None, length: int | None, max_bytes: int) -> bytes:
    if offset is not None and length is not None:
        if length > max_bytes:
            raise MemberTooLarge
        return read_range(uri, offset, length)
    if storage.is_local(uri):
        content = read_local_file(storage.local_path(uri).rstrip("/"), max_bytes + 1)
    else:
        with opened(uri) as file:
            content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise MemberTooLarge
    return content
