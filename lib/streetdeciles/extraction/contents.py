"""Photographs' bytes. Where reading takes long, separate threads read ahead, so that no decoder waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import NamedTuple, Protocol

from streetdeciles import storage
from streetdeciles.archives.reading import MemberReader, lies_open
from streetdeciles.errors import ShardFailed
from streetdeciles.extraction.extracted import Row
from streetdeciles.extraction.ranges import read_together
from streetdeciles.extraction.reading import PAUSES_S, read_image, read_member
from streetdeciles.extraction.rejects import Rejected

REMOTE_READERS = 32
"""Threads that wait for remote files, each for a chunk of them."""

Content = bytes | Rejected | ShardFailed


class Contents(NamedTuple):
    """The bytes of some rows of the index, or why they could not be read."""

    of_rows: list[Content]
    reading_s: float


class Reading(Protocol):
    """Contents that are being read."""

    def done(self) -> bool:
        """Whether `result` returns without waiting for other threads."""

    def result(self) -> Contents: ...


class _ReadOnDemand(NamedTuple):
    """Reads when asked for the result: reading a local file is faster than handing it from one thread to another."""

    read: Callable[[], Contents]

    def done(self) -> bool:
        return True

    def result(self) -> Contents:
        return self.read()


class ContentReader:
    """Reads remote files ahead, many at a time, and compressed members in their archive's order.

    Local files are read by the thread that asks for them.
    """

    def __init__(self, max_bytes: int, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._max_bytes = max_bytes
        self._pauses_s = pauses_s
        self._remote_pool = ThreadPoolExecutor(REMOTE_READERS, thread_name_prefix="read-remote")
        self._members_pool = ThreadPoolExecutor(1, thread_name_prefix="read-members")
        self._members = MemberReader()

    def submit(self, rows: Sequence[Row]) -> Reading:
        """Read these rows, which `are_alike`; those that are submitted first are read first."""
        if not is_open(rows[0]):
            return self._members_pool.submit(self._read_members, rows)
        if is_remote(rows[0]):
            return self._remote_pool.submit(self._read_files, rows)
        return _ReadOnDemand(partial(self._read_files, rows))

    def close(self) -> None:
        """Stop reading, and wait for what is being read."""
        pools = (self._remote_pool, self._members_pool)
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown()
        self._members.close()

    def _read_files(self, rows: Sequence[Row]) -> Contents:
        start = time.perf_counter()
        files = [list(views) for _, views in groupby(rows, file_of)]
        together = read_together([views[0] for views in files], self._max_bytes)
        of_rows: list[Content] = []
        for views, content in zip(files, together, strict=True):
            of_rows += [self._attempt(views[0], self._read_file) if content is None else content] * len(views)
        return Contents(of_rows, time.perf_counter() - start)

    def _read_members(self, rows: Sequence[Row]) -> Contents:
        start = time.perf_counter()
        return Contents([self._attempt(row, self._read_member) for row in rows], time.perf_counter() - start)

    def _attempt(self, row: Row, read: Callable[[Row], bytes]) -> Content:
        try:
            return read(row)
        except (Rejected, ShardFailed) as error:
            return error.with_traceback(None)  # a trace would keep the file's bytes in memory
        except MemoryError:
            return ShardFailed(f"{row.uri}: not enough memory to read {row.member or 'it'}")

    def _read_file(self, row: Row) -> bytes:
        return read_image(row.uri, row.offset, row.length, max_bytes=self._max_bytes, pauses_s=self._pauses_s)

    def _read_member(self, row: Row) -> bytes:
        return read_member(
            self._members,
            row.uri,
            row.member or "",
            row.offset,
            row.length,
            max_bytes=self._max_bytes,
            pauses_s=self._pauses_s,
        )


def file_of(row: Row) -> tuple[str, str | None, int | None]:
    """Equal for the views of one panorama, which follow each other in a shard: it is read and decoded once for all."""
    return row.uri, row.member, row.offset


def is_open(row: Row) -> bool:
    """Whether the photograph's bytes can be read without those before it."""
    return lies_open(row.uri, row.member, row.offset)


def is_remote(row: Row) -> bool:
    """Whether each request takes so long that many must be in flight."""
    return not storage.is_local(row.uri)


def are_alike(one: Row, other: Row) -> bool:
    """Whether rows may be read and counted together: they are of one shard, and read in one way."""
    return one.shard == other.shard and is_open(one) == is_open(other) and is_remote(one) == is_remote(other)
