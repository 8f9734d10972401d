"""A photograph's bytes, from wherever fsspec can read."""

from __future__ import annotations

import time
from collections.abc import Sequence

from streetdeciles import storage
from streetdeciles.errors import ShardFailed
from streetdeciles.features.rejects import Rejected

PAUSES_S = (0.5, 2.0)
"""Waits before the second and the third attempt at a file that cannot be read."""


def read_image(
    uri: str, offset: int | None, length: int | None, *, max_bytes: int, pauses_s: Sequence[float] = PAUSES_S
) -> bytes:
    """The whole file at `uri`, or where there is an `offset` its `length` bytes from there.

    Raises:
        Rejected: there is no such file, it is a folder, or it is larger than `max_bytes`.
        ShardFailed: it cannot be read now, after all attempts: permission, network, a failing disk. That says nothing
            about the photograph, so it is never recorded as a bad one.
    """
    for pause_s in (*pauses_s, None):
        try:
            return _read(uri, offset, length, max_bytes)
        except (FileNotFoundError, NotADirectoryError):
            raise Rejected("missing", "was in the index, and is gone") from None
        except IsADirectoryError:
            raise Rejected("not_an_image", "a folder") from None
        except Rejected:
            raise
        except Exception as error:  # each file system raises its own kinds for what may pass
            if pause_s is None:
                said = " ".join(str(error).split()) or type(error).__name__
                raise ShardFailed(f"{uri}: cannot be read, after {len(pauses_s) + 1} attempts: {said}") from error
            time.sleep(pause_s)
    raise AssertionError("the last attempt returns or raises")


def _read(uri: str, offset: int | None, length: int | None, max_bytes: int) -> bytes:
    fs, path = storage.filesystem(uri)
    with fs.open(path, "rb") as file:
        at_most = max_bytes + 1
        if offset is not None:
            file.seek(offset)
            at_most = at_most if length is None else min(length, at_most)
        content: bytes = file.read(at_most)
    if len(content) > max_bytes:
        raise Rejected("too_large", f"more than {max_bytes} bytes")
    return content
