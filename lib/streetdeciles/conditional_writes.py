"""Objects in a store that are created, replaced or removed only if nobody else has changed them meanwhile.

S3 decides in one step, by the object's ETag. Google Cloud Storage decides in one step whether an object is created. For
other stores, replacing and removing are a look and then a change.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from streetdeciles import storage

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

VERIFY_AFTER_S = 2.0

S3 = ("s3", "s3a")


def read_object(uri: str) -> bytes | None:
    try:
        return storage.read_bytes(uri)
    except FileNotFoundError:
        return None


def create_object(uri: str, content: bytes) -> bool:
    """Whether this process created the object; False if there is one already.

    A store that does not refuse fsspec's mode `xb` where the object exists is asked again after a moment: the last
    writer wins.
    """
    fs, path = storage.filesystem(uri)
    fs.invalidate_cache()
    if fs.exists(path):
        return False
    try:
        _create(fs, path, content)
    except FileExistsError:
        # The client has perhaps repeated a request that had succeeded, and then found its own object.
        return read_object(uri) == content
    except (NotImplementedError, ValueError):
        fs.pipe_file(path, content)
    else:
        if not storage.is_local(uri) and _refuses(fs, path, content):
            return True
    time.sleep(VERIFY_AFTER_S)
    return read_object(uri) == content


def _create(fs: AbstractFileSystem, path: str, content: bytes) -> None:
    with fs.open(path, "xb") as file:
        file.write(content)


def _refuses(fs: AbstractFileSystem, path: str, content: bytes) -> bool:
    """Whether the store refuses to create an object that exists; some S3s ignore conditions."""
    try:
        _create(fs, path, content)
    except FileExistsError:
        return True
    return False


def replace_object(uri: str, judged: bytes, content: bytes) -> bool:
    """Whether the object, which held `judged` when it was examined, holds `content` now."""
    fs, path = storage.filesystem(uri)
    etag = _etag(fs, path, uri)
    if read_object(uri) != judged:
        return False
    try:
        fs.pipe_file(path, content, **({"IfMatch": etag} if etag else {}))
    except OSError:
        now = read_object(uri)
        if now == judged:  # not refused: the store fails
            raise
        return now == content  # a request that had succeeded was perhaps repeated
    return True


def remove_object(uri: str, judged: bytes) -> None:
    """Remove the object, unless it no longer holds `judged`."""
    fs, path = storage.filesystem(uri)
    etag = _etag(fs, path, uri)
    if read_object(uri) != judged:
        return
    if etag is None:
        with suppress(FileNotFoundError):
            storage.remove(uri)
        return
    bucket, key, _ = fs.split_path(path)
    try:
        fs.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=etag)
    except Exception:
        if read_object(uri) == judged:  # not refused: the store fails, or does not know the condition
            raise
    finally:
        fs.invalidate_cache()


def _etag(fs: AbstractFileSystem, path: str, uri: str) -> str | None:
    """The object's version, for stores that compare it; None for others, and if there is no object."""
    if uri.partition("://")[0] not in S3:
        return None
    fs.invalidate_cache()
    try:
        return str(fs.info(path)["ETag"])
    except FileNotFoundError:
        return None
