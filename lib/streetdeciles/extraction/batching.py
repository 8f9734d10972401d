"""Full batches of photographs in the index's order, a bounded number of them prepared ahead.

The calling thread hands out rows and collects what has been made of them, some at a time; it never waits for more than
the oldest batch. Buffers are used again and again, so memory depends on the batch size and the number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import NamedTuple

from streetdeciles.errors import ShardFailed
from streetdeciles.extraction.contents import ContentReader, Reading, are_alike, is_remote
from streetdeciles.extraction.extracted import Photograph, Row
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.preparing import PreparedChunk, Preparer
from streetdeciles.extraction.reading import MAX_FILE_BYTES_PER_PIXEL
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.waiting import DECODING, READING
from streetdeciles.extraction.watch import PhotographTooCostly

REMOTE_ROWS_AHEAD = 512
"""How many remote files may be read before there is room for them, and so how many requests may be in flight."""

BYTES_AHEAD = 256 * 1024 * 1024
"""How many bytes of files may have been read and not yet decoded before reading pauses."""

BYTES_OF_UNKNOWN = 1024 * 1024
"""Taken for the length of a file that the index does not know."""

LOOK_S = 1.0
"""How often the threads are checked while one of them keeps the others waiting."""


class Batch(NamedTuple):
    """Photographs in the first slots of `pictures`; a full batch has one in every slot."""

    photographs: list[Photograph]
    pictures: Pictures


class Rejects(NamedTuple):
    """Photographs that get no features."""

    of_photographs: list[tuple[Photograph, Rejected | ShardFailed]]


class Spent(NamedTuple):
    """What threads spent on rows of one shard."""

    shard: int
    on: PreparedChunk


@dataclass
class _Chunk:
    """Rows that are read together, of which the first `n_placed` have slots."""

    rows: list[Row]
    reading: Reading
    n_placed: int = 0


class _Part(NamedTuple):
    """Rows that are being prepared into slots of a block."""

    rows: list[Row]
    slot: int
    reading: Reading
    preparing: Future[PreparedChunk]


class _Block:
    """A buffer, and what is being put into it."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.parts: deque[_Part] = deque()
        self.n_rows = 0
        self.photographs: list[Photograph] = []
        self.slots: list[int] = []

    @property
    def room(self) -> int:
        return len(self.pictures) - self.n_rows


class Batches:
    """The threads that read and decode, and the buffers between them and the network.

    Args:
        in_flight: batches that the network holds at a time.
        waits_for: called with READING or DECODING when this thread begins to wait for that.
    """

    def __init__(self, preparer: Preparer, batch_size: int, in_flight: int, waits_for: Callable[[str], None]) -> None:
        preparation, threads = preparer.preparation, preparer.preparation.threads
        self._rows_per_chunk = max(1, min(preparer.rows_per_chunk, batch_size // 2))
        # One more is the open batch, which rejects have left with gaps.
        filling = max(2, -(-2 * threads * self._rows_per_chunk // batch_size))
        self._free = deque(Pictures.empty(batch_size, preparation.preprocess) for _ in range(in_flight + 1 + filling))
        self._blocks: deque[_Block] = deque()
        self._batch_size = batch_size
        self._bytes_ahead = 0
        self._reading_s = self._decoding_s = 0.0
        self._waits_for = waits_for
        self._preparer = preparer
        self._reader = ContentReader(MAX_FILE_BYTES_PER_PIXEL * preparation.max_pixels, preparation.pauses_s)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._open = Batch([], self._free.popleft())
        self._chunks: deque[_Chunk] = deque()
        self._next_row: Row | None = None

    def prepared(self, rows: Iterator[Row]) -> Generator[Batch | Rejects | Spent, None, None]:
        """What becomes of the rows. `release` each batch's pictures when the network has done with them.

        Raises:
            PhotographTooCostly: one of them takes too long; its thread then goes on until the process ends.
        """
        stuck = False
        try:
            while True:
                self._hand_out(rows)
                if not self._blocks:
                    break
                yield from self._collect(self._blocks.popleft())
            if self._open.photographs:
                self._open.pictures.clear(len(self._open.photographs))
                yield self._open
        except PhotographTooCostly:
            stuck = True
            raise
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._reader.close()
            self._pool.shutdown(wait=not stuck)

    def release(self, pictures: Pictures) -> None:
        """Use the buffer of these pictures again."""
        pictures.on_device.clear()
        self._free.append(pictures)

    def _hand_out(self, rows: Iterator[Row]) -> None:
        """Give the threads as many rows as there is room for."""
        while self._free or (self._blocks and self._blocks[-1].room):
            room = self._blocks[-1].room if self._blocks else 0
            if not self._chunks and not self._read_next(rows, room or self._batch_size):
                break
            if not self._blocks or not self._blocks[-1].room:
                self._blocks.append(_Block(self._free.popleft()))
            self._prepare(self._chunks[0], self._blocks[-1])
        while len(self._chunks) * self._rows_per_chunk < REMOTE_ROWS_AHEAD:
            row = self._peek(rows)
            if row is None or not is_remote(row) or not self._read_next(rows, self._batch_size):
                break

    def _read_next(self, rows: Iterator[Row], at_most: int) -> bool:
        """Begin to read the next chunk; False where enough has been read, or there are no more rows."""
        if self._bytes_ahead >= BYTES_AHEAD:
            return False
        chunk = self._cut(rows, min(self._rows_per_chunk, at_most))
        if chunk:
            self._chunks.append(_Chunk(chunk, self._reader.submit(chunk)))
            self._bytes_ahead += _n_bytes(chunk)
        return bool(chunk)

    def _prepare(self, chunk: _Chunk, block: _Block) -> None:
        """Prepare as many of the chunk's rows as the block has room for."""
        rows = chunk.rows[chunk.n_placed : chunk.n_placed + block.room]
        preparing = self._pool.submit(
            self._preparer.prepare, rows, chunk.reading, chunk.n_placed, block.pictures, block.n_rows
        )
        block.parts.append(_Part(rows, block.n_rows, chunk.reading, preparing))
        block.n_rows += len(rows)
        chunk.n_placed += len(rows)
        if chunk.n_placed == len(chunk.rows):
            self._chunks.popleft()

    def _cut(self, rows: Iterator[Row], n: int) -> list[Row]:
        """The next rows that are alike, up to `n`."""
        chunk: list[Row] = []
        while len(chunk) < n:
            row = self._peek(rows)
            if row is None or (chunk and not are_alike(chunk[0], row)):
                break
            chunk.append(row)
            self._next_row = None
        return chunk

    def _peek(self, rows: Iterator[Row]) -> Row | None:
        self._next_row = self._next_row or next(rows, None)
        return self._next_row

    def _collect(self, block: _Block) -> Iterator[Batch | Rejects | Spent]:
        rejects = []
        while block.parts:
            part = block.parts.popleft()
            prepared = self._result(part)
            self._bytes_ahead -= _n_bytes(part.rows)
            self._reading_s += prepared.reading_s
            self._decoding_s += prepared.decoding_s
            yield Spent(part.rows[0].shard, prepared)
            for slot, (photograph, problem) in enumerate(prepared.of_rows, start=part.slot):
                if problem is None:
                    block.photographs.append(photograph)
                    block.slots.append(slot)
                else:
                    rejects.append((photograph, problem))
        if rejects:
            yield Rejects(rejects)
        yield from self._pack(block)

    def _result(self, part: _Part) -> PreparedChunk:
        if not part.preparing.done():
            decodes = part.reading.done() and self._decoding_s >= self._reading_s
            self._waits_for(DECODING if decodes else READING)
        while not part.preparing.done():
            wait([part.preparing], timeout=LOOK_S)
            self._preparer.watch.check()
        return part.preparing.result()

    def _pack(self, block: _Block) -> Iterator[Batch]:
        """A full block is a batch; what is in others goes to the open batch, so that the network gets full ones."""
        if not self._open.photographs and len(block.slots) == self._batch_size:
            yield Batch(block.photographs, block.pictures)
            return
        room = self._batch_size - len(self._open.photographs)
        self._move(block.photographs[:room], block, block.slots[:room])
        rest, slots = block.photographs[room:], block.slots[room:]
        if len(self._open.photographs) < self._batch_size:
            self.release(block.pictures)
            return
        full, self._open = self._open, Batch([], block.pictures)
        self._move(rest, block, slots)
        yield full

    def _move(self, photographs: list[Photograph], block: _Block, slots: list[int]) -> None:
        self._open.pictures.copy(block.pictures, slots, at=len(self._open.photographs))
        self._open.photographs.extend(photographs)


def _n_bytes(rows: list[Row]) -> int:
    return sum(row.length or BYTES_OF_UNKNOWN for row in rows)
