"""The core of the extraction, without Spark: batches of index rows in, batches of features and rejects out.

A pool of threads reads, decodes and prepares a bounded number of photographs ahead; others run the network, each on a
batch of its own; the caller's thread fills the next batch and hands out the first one's results. Memory depends on the
batch size and the number of threads, never on the number of photographs.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Semaphore
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streetdeciles.archives.reading import MemberReader, lies_open
from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.reading import read_image, read_member
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.features.extracted import Row, Tally, feature_batch, index_rows, reject_batch, statistics_batch
from streetdeciles.features.network import Network

BYTES_A_PIXEL = 8
"""Of the largest pixels that are decoded, 16-bit with alpha: no file that may be decoded is larger than that."""

REJECTS_A_BATCH = 64


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


class Prepared(NamedTuple):
    """A photograph ready for the network, or why it is not."""

    row: Row
    image: Array | Rejected | ShardFailed
    reading_s: float
    decoding_s: float


class Member(NamedTuple):
    """What is in a compressed member of an archive, or why it could not be read."""

    content: bytes | Rejected | ShardFailed
    reading_s: float


class Computed(NamedTuple):
    """Features of a batch's photographs, float32 [rows, length]."""

    features: Array
    computing_s: float


def extract(batches: Iterable[pa.RecordBatch], network: Network, preparation: Preparation) -> Iterator[pa.RecordBatch]:
    """For each row of the index a feature or a reject, then a row of statistics for each shard.

    Args:
        batches: with the columns of the table `image_index`.
        network: gets full batches of one shape; the last one is padded, and what comes of the padding is dropped.

    Returns:
        Batches of `extracted.SCHEMA`.
    """
    prepare_pillow(preparation.max_pixels)
    tallies: dict[int, Tally] = {}
    rejects: list[tuple[Row, Rejected]] = []
    with ThreadPoolExecutor(network.at_a_time, thread_name_prefix="network") as pool:
        ahead: deque[tuple[list[Row], Future[Computed]]] = deque()
        for rows, images in _full_batches(batches, network.batch_size, preparation, tallies, rejects):
            if rows:
                ahead.append((rows, pool.submit(_compute, network, images, rows, preparation.store)))
            if len(ahead) > network.at_a_time:
                yield _computed(ahead, tallies)
            if len(rejects) >= REJECTS_A_BATCH:
                yield reject_batch(rejects)
                rejects.clear()
        while ahead:
            yield _computed(ahead, tallies)
    if rejects:
        yield reject_batch(rejects)
    for tally in tallies.values():
        tally.network = network.description + network.told()
    yield statistics_batch(tallies)


def _full_batches(
    batches: Iterable[pa.RecordBatch],
    batch_size: int,
    preparation: Preparation,
    tallies: dict[int, Tally],
    rejects: list[tuple[Row, Rejected]],
) -> Iterator[tuple[list[Row], Array]]:
    """The photographs that can be decoded, `batch_size` at a time; the others go to `rejects`.

    No rows come with the sign that there are many rejects to hand out.
    """
    rows: list[Row] = []
    images = np.zeros(0, dtype=np.float32)
    for row, image, reading_s, decoding_s in _prepared(_worth_work(batches, tallies), batch_size, preparation):
        tally = tallies[row.shard]
        tally.reading_s += reading_s
        tally.decoding_s += decoding_s
        if isinstance(image, ShardFailed):
            tally.failure = tally.failure or str(image)
        elif isinstance(image, Rejected):
            tally.rejects[image.reason] += 1
            rejects.append((row, image))
            if len(rejects) >= REJECTS_A_BATCH:
                yield [], images
        else:
            if not rows:
                images = np.zeros((batch_size, *image.shape), dtype=np.float32)
            images[len(rows)] = image
            rows.append(row)
            if len(rows) == batch_size:
                yield rows, images
                rows = []
    if rows:
        yield rows, images


def _worth_work(batches: Iterable[pa.RecordBatch], tallies: dict[int, Tally]) -> Iterator[Row]:
    """Every row is counted; those of a shard that has failed already are left."""
    for row in index_rows(batches):
        tally = tallies.setdefault(row.shard, Tally())
        tally.images += 1
        if not tally.failure:
            yield row


def _prepared(rows: Iterable[Row], batch_size: int, preparation: Preparation) -> Iterator[Prepared]:
    """The rows in their order, at most two batches of them prepared ahead.

    Threads read files side by side; compressed members are read here, one after the other as they lie in the archive.
    """
    pool = ThreadPoolExecutor(preparation.threads, thread_name_prefix="decode")
    members = MemberReader()
    waiting = Semaphore(2 * preparation.threads)  # a member's bytes may be many more than the picture's
    try:
        ahead: deque[Future[Prepared]] = deque()
        for row in rows:
            if lies_open(row.uri, row.member, row.offset):
                ahead.append(pool.submit(_prepare, row, preparation))
            else:
                waiting.acquire()
                future = pool.submit(_prepare, row, preparation, _member(members, row, preparation))
                future.add_done_callback(lambda _: waiting.release())
                ahead.append(future)
            if len(ahead) >= 2 * batch_size + preparation.threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        members.close()


def _member(members: MemberReader, row: Row, preparation: Preparation) -> Member:
    content: bytes | Rejected | ShardFailed
    start = time.perf_counter()
    most = BYTES_A_PIXEL * preparation.max_pixels
    try:
        content = read_member(members, row.uri, row.member or "", row.offset, row.length, max_bytes=most)
    except (Rejected, ShardFailed) as error:
        content = error.with_traceback(None)
    except MemoryError:
        content = ShardFailed(f"{row.uri}: not enough memory to read {row.member}")
    return Member(content, time.perf_counter() - start)


def _prepare(row: Row, preparation: Preparation, member: Member | None = None) -> Prepared:
    """`member`: what was read already."""
    image: Array | Rejected | ShardFailed
    start = time.perf_counter() - (member.reading_s if member else 0.0)
    read = None
    try:
        if member is None:
            content = read_image(row.uri, row.offset, row.length, max_bytes=BYTES_A_PIXEL * preparation.max_pixels)
        elif isinstance(member.content, bytes):
            content = member.content
        else:
            raise member.content
        read = time.perf_counter()
        picture = decode(content, max_pixels=preparation.max_pixels)
        image = preparation.preprocess(preparation.cut(picture, row.view) if preparation.cut else picture)
    except (Rejected, ShardFailed) as error:
        image = error.with_traceback(None)  # a trace would keep the file's bytes in memory
    except MemoryError:
        image = ShardFailed(f"{row.uri}: not enough memory to decode it; lower features.decode_threads")
    end = time.perf_counter()
    return Prepared(row, image, (read or end) - start, end - (read or end))


def _compute(network: Network, images: Array, rows: list[Row], store: str) -> Computed:
    start = time.perf_counter()
    features = network.compute(images)[: len(rows)]
    if store == "float16":
        with np.errstate(over="ignore"):  # told below
            features = features.astype(np.float16).astype(np.float32)
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise RunFailed(
            f"{rows[int(np.argmin(finite))].uri}: its features are not finite numbers in {store}; "
            "set features.store and features.precision to float32, or take other weights"
        )
    return Computed(features, time.perf_counter() - start)


def _computed(ahead: deque[tuple[list[Row], Future[Computed]]], tallies: dict[int, Tally]) -> pa.RecordBatch:
    rows, future = ahead.popleft()
    features, computing_s = future.result()
    for row in rows:
        tallies[row.shard].features += 1
        tallies[row.shard].computing_s += computing_s / len(rows)
    return feature_batch(rows, features)
