"""Photographs read, decoded and made the network's input by a pool of threads, a bounded number of them ahead."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Semaphore
from typing import NamedTuple

from streetdeciles.archives.reading import MemberReader, lies_open
from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import ShardFailed
from streetdeciles.extraction.decoding import decode
from streetdeciles.extraction.memory import DecodingMemory
from streetdeciles.extraction.reading import BYTES_PER_PIXEL, read_image, read_member
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.features.extracted import Photograph, Row
from streetdeciles.features.watch import MAX_DECODING_S, PhotographTooCostly, Watch

HASH_DIGITS = 32
SAMPLE_STEP = 16
"""Pixels between those that are looked at first to see whether a picture is of one colour."""

LOOK_S = 1.0
"""How often it is looked at what the threads are doing, where one keeps the others waiting."""


@dataclass(frozen=True)
class Preparation:
    """How photographs become the network's input, and how its output is kept."""

    preprocess: Callable[[Array], Array]
    """RGB uint8 [height, width, 3] to float32 [size, size, 3]."""
    max_pixels: int
    threads: int
    store: str
    cut: Callable[[Array, int], Array] | None = None
    """From a panorama and the number of a view to the view, where photographs are panoramas."""
    min_pixels: int = 1
    max_decoding_s: float = MAX_DECODING_S


class Prepared(NamedTuple):
    """A photograph ready for the network, or why it is not."""

    photograph: Photograph
    image: Array | Rejected | ShardFailed
    reading_s: float
    decoding_s: float


class Member(NamedTuple):
    """What is in a compressed member of an archive, or why it could not be read."""

    content: bytes | Rejected | ShardFailed
    reading_s: float


class Preparer:
    """The threads of one task, and what they share."""

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation
        self._memory = DecodingMemory(preparation.max_pixels, preparation.threads)
        self._watch = Watch(preparation.max_decoding_s)
        self._max_bytes = BYTES_PER_PIXEL * preparation.max_pixels

    def prepared(self, rows: Iterable[Row], batch_size: int) -> Iterator[Prepared]:
        """The rows in their order, at most two batches of them prepared ahead.

        Threads read files side by side; compressed members are read here, one after the other as they lie in the
        archive.

        Raises:
            PhotographTooCostly: one of them takes too long; its thread then goes on until the process ends.
        """
        threads = self._preparation.threads
        pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        members = MemberReader()
        waiting = Semaphore(2 * threads)  # a member's bytes may be many more than the picture's
        stuck = False
        try:
            ahead: deque[Future[Prepared]] = deque()
            for row in rows:
                if lies_open(row.uri, row.member, row.offset):
                    ahead.append(pool.submit(self._prepare, row))
                else:
                    while not waiting.acquire(timeout=LOOK_S):
                        self._watch.check()
                    future = pool.submit(self._prepare, row, self._member(members, row))
                    future.add_done_callback(lambda _: waiting.release())
                    ahead.append(future)
                if len(ahead) >= 2 * batch_size + threads:
                    yield self._result(ahead.popleft())
            while ahead:
                yield self._result(ahead.popleft())
        except PhotographTooCostly:
            stuck = True
            raise
        finally:
            pool.shutdown(wait=not stuck, cancel_futures=True)
            members.close()

    def _result(self, future: Future[Prepared]) -> Prepared:
        while not future.done():
            wait([future], timeout=LOOK_S)
            self._watch.check()
        return future.result()

    def _member(self, members: MemberReader, row: Row) -> Member:
        content: bytes | Rejected | ShardFailed
        start = time.perf_counter()
        try:
            content = read_member(members, row.uri, row.member or "", row.offset, row.length, max_bytes=self._max_bytes)
        except (Rejected, ShardFailed) as error:
            content = error.with_traceback(None)
        except MemoryError:
            content = ShardFailed(f"{row.uri}: not enough memory to read {row.member}")
        return Member(content, time.perf_counter() - start)

    def _prepare(self, row: Row, member: Member | None = None) -> Prepared:
        """`member`: what was read already."""
        image: Array | Rejected | ShardFailed
        start = time.perf_counter() - (member.reading_s if member else 0.0)
        read, photograph = None, Photograph(row)
        try:
            content = self._content(row, member)
            read = time.perf_counter()
            photograph = photograph._replace(content_hash=hashlib.sha256(content).hexdigest()[:HASH_DIGITS])
            with self._memory.lease() as reserve, self._watch.over(row):
                image, one_colour = self._decoded(content, row, reserve)
            photograph = photograph._replace(one_colour=one_colour)
        except (Rejected, ShardFailed) as error:
            image = error.with_traceback(None)  # a trace would keep the file's bytes in memory
        except MemoryError:
            image = ShardFailed(f"{row.uri}: not enough memory to decode it; lower features.decode_threads")
        end = time.perf_counter()
        return Prepared(photograph, image, (read or end) - start, end - (read or end))

    def _content(self, row: Row, member: Member | None) -> bytes:
        if member is None:
            return read_image(row.uri, row.offset, row.length, max_bytes=self._max_bytes)
        if isinstance(member.content, bytes):
            return member.content
        raise member.content

    def _decoded(self, content: bytes, row: Row, reserve: Callable[[int], None]) -> tuple[Array, bool]:
        """The network's input, and whether the picture is of one colour."""
        preparation = self._preparation
        picture = decode(content, max_pixels=preparation.max_pixels, min_pixels=preparation.min_pixels, reserve=reserve)
        view = preparation.cut(picture, row.view) if preparation.cut else picture
        return preparation.preprocess(view), is_one_colour(view)


def is_one_colour(picture: Array) -> bool:
    """Whether all pixels of [height, width, 3] are equal."""
    sample = picture[::SAMPLE_STEP, ::SAMPLE_STEP]
    return bool((sample == picture[0, 0]).all()) and bool((picture == picture[0, 0]).all())
