"""The core of the extraction, without Spark: batches of index rows in, batches of features and rejects out.

A pool of threads reads, decodes and prepares a bounded number of photographs ahead; one thread runs the network on the
batch before; the caller's thread fills the next batch and hands out the last one's results. Memory depends on the batch
size and the number of threads, never on the number of photographs.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.features.decoding import decode, prepare_pillow
from streetdeciles.features.extracted import Row, Tally, feature_batch, index_rows, reject_batch, statistics_batch
from streetdeciles.features.network import Network
from streetdeciles.features.reading import read_image
from streetdeciles.features.rejects import Rejected

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


class Prepared(NamedTuple):
    """A photograph ready for the network, or why it is not."""

    row: Row
    image: Array | Rejected | ShardFailed
    reading_s: float
    decoding_s: float


def extract(batches: Iterable[pa.RecordBatch], network: Network, preparation: Preparation) -> Iterator[pa.RecordBatch]:
    """For each row of the index a feature or a reject, then a row of statistics for each shard.

    Args:
        batches: with the columns of the table `image_index`.
        network: gets full batches of one shape; the last one is padded, and what comes of the padding is dropped.

    Returns:
        Batches of `extracted.SCHEMA`.
    """
    prepare_pillow()
    tallies: dict[int, Tally] = {}
    rejects: list[tuple[Row, Rejected]] = []
    with ThreadPoolExecutor(1, thread_name_prefix="network") as pool:
        ahead: deque[tuple[list[Row], Future[Array]]] = deque()
        for rows, images in _full_batches(batches, network.batch_size, preparation, tallies, rejects):
            if rows:
                ahead.append((rows, pool.submit(_compute, network, images, rows, preparation.store, tallies)))
            if len(ahead) > 1:
                yield _computed(ahead)
            if len(rejects) >= REJECTS_A_BATCH:
                yield reject_batch(rejects)
                rejects.clear()
        while ahead:
            yield _computed(ahead)
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
    """The rows in their order, at most two batches of them prepared ahead."""
    pool = ThreadPoolExecutor(preparation.threads, thread_name_prefix="decode")
    try:
        ahead: deque[Future[Prepared]] = deque()
        for row in rows:
            ahead.append(pool.submit(_prepare, row, preparation))
            if len(ahead) >= 2 * batch_size + preparation.threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(row: Row, preparation: Preparation) -> Prepared:
    image: Array | Rejected | ShardFailed
    start = time.perf_counter()
    read = None
    try:
        content = read_image(row.uri, row.offset, row.length, max_bytes=BYTES_A_PIXEL * preparation.max_pixels)
        read = time.perf_counter()
        image = preparation.preprocess(decode(content, max_pixels=preparation.max_pixels))
    except (Rejected, ShardFailed) as error:
        image = error.with_traceback(None)  # a trace would keep the file's bytes in memory
    except MemoryError:
        image = ShardFailed(f"{row.uri}: not enough memory to decode it; lower features.decode_threads")
    end = time.perf_counter()
    return Prepared(row, image, (read or end) - start, end - (read or end))


def _compute(network: Network, images: Array, rows: list[Row], store: str, tallies: dict[int, Tally]) -> Array:
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
    seconds = (time.perf_counter() - start) / len(rows)
    for row in rows:
        tallies[row.shard].features += 1
        tallies[row.shard].computing_s += seconds
    return features


def _computed(ahead: deque[tuple[list[Row], Future[Array]]]) -> pa.RecordBatch:
    rows, features = ahead.popleft()
    return feature_batch(rows, features.result())
