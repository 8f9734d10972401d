"""The core of the extraction, without Spark: batches of index rows in, batches of features and rejects out.

A pool of threads reads, decodes and prepares a bounded number of photographs ahead; others run the network, each on a
batch of its own; the caller's thread fills the next batch and hands out the first one's results. Memory depends on the
batch size and the number of threads, never on the number of photographs.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.extraction.decoding import prepare_pillow
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.features.extracted import (
    Photograph,
    Row,
    Tally,
    feature_batch,
    index_rows,
    reject_batch,
    statistics_batch,
)
from streetdeciles.features.network import Network
from streetdeciles.features.preparing import Preparation, Preparer

REJECTS_PER_BATCH = 64


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
    rejects: list[tuple[Photograph, Rejected]] = []
    with ThreadPoolExecutor(network.at_a_time, thread_name_prefix="network") as pool:
        ahead: deque[tuple[list[Photograph], Future[Computed]]] = deque()
        for photographs, images in _full_batches(batches, network.batch_size, preparation, tallies, rejects):
            if photographs:
                computing = pool.submit(_compute, network, images, photographs, preparation.store)
                ahead.append((photographs, computing))
            if len(ahead) > network.at_a_time:
                yield _computed(ahead, tallies)
            if len(rejects) >= REJECTS_PER_BATCH:
                yield reject_batch(rejects)
                rejects.clear()
        while ahead:
            yield _computed(ahead, tallies)
    if rejects:
        yield reject_batch(rejects)
    for tally in tallies.values():
        tally.network = network.description + network.note()
    yield statistics_batch(tallies)


def _full_batches(
    batches: Iterable[pa.RecordBatch],
    batch_size: int,
    preparation: Preparation,
    tallies: dict[int, Tally],
    rejects: list[tuple[Photograph, Rejected]],
) -> Iterator[tuple[list[Photograph], Array]]:
    """The photographs that can be decoded, `batch_size` at a time; the others go to `rejects`.

    No photographs come as the sign that there are many rejects to hand out.
    """
    photographs: list[Photograph] = []
    images = np.zeros(0, dtype=np.float32)
    prepared = Preparer(preparation).prepared(_worth_work(batches, tallies), batch_size)
    for photograph, image, reading_s, decoding_s in prepared:
        tally = tallies[photograph.row.shard]
        tally.reading_s += reading_s
        tally.decoding_s += decoding_s
        if isinstance(image, ShardFailed):
            tally.failure = tally.failure or str(image)
        elif isinstance(image, Rejected):
            tally.rejects[image.reason] += 1
            rejects.append((photograph, image))
            if len(rejects) >= REJECTS_PER_BATCH:
                yield [], images
        else:
            if not photographs:
                images = np.zeros((batch_size, *image.shape), dtype=np.float32)
            images[len(photographs)] = image
            photographs.append(photograph)
            if len(photographs) == batch_size:
                yield photographs, images
                photographs = []
    if photographs:
        yield photographs, images


def _worth_work(batches: Iterable[pa.RecordBatch], tallies: dict[int, Tally]) -> Iterator[Row]:
    """Every row is counted; those of a shard that has failed already are left."""
    for row in index_rows(batches):
        tally = tallies.setdefault(row.shard, Tally())
        tally.images += 1
        if not tally.failure:
            yield row


def _compute(network: Network, images: Array, photographs: list[Photograph], store: str) -> Computed:
    start = time.perf_counter()
    features = network.compute(images)[: len(photographs)]
    if store == "float16":
        with np.errstate(over="ignore"):  # refused below
            features = features.astype(np.float16).astype(np.float32)
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise RunFailed(
            f"{photographs[int(np.argmin(finite))].row.uri}: its features are not finite numbers in {store}; "
            "set features.store and features.precision to float32, or take other weights"
        )
    return Computed(features, time.perf_counter() - start)


def _computed(ahead: deque[tuple[list[Photograph], Future[Computed]]], tallies: dict[int, Tally]) -> pa.RecordBatch:
    photographs, future = ahead.popleft()
    features, computing_s = future.result()
    for photograph in photographs:
        tally = tallies[photograph.row.shard]
        tally.features += 1
        tally.computing_s += computing_s / len(photographs)
    return feature_batch(photographs, features)
