"""The core of the extraction, without Spark: batches of index rows in, batches of features and rejects out.

Threads read photographs, others decode a bounded number of them ahead, others run the network, each on a batch; the
calling thread hands out work and results. Memory depends on the batch size and the number of threads, never on the
number of photographs.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.extraction.batching import Batch, Batches, Rejects, Spent
from streetdeciles.extraction.decoding import prepare_pillow
from streetdeciles.extraction.extracted import (
    Photograph,
    Row,
    feature_batch,
    index_rows,
    reject_batch,
    statistics_batch,
)
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.preparing import Preparation, Preparer
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.tally import Tally
from streetdeciles.extraction.waiting import HANDING_OVER, DeviceClock

REJECTS_PER_BATCH = 64

SWITCH_INTERVAL_S = 0.0001
"""How soon a thread that has decoded gets the interpreter's lock from one that keeps it; Python's own is 0.005."""


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
    with ThreadPoolExecutor(network.at_a_time, thread_name_prefix="network") as pool, _quick_switches():
        yield from _Extraction(network, preparation, pool).run(batches)


@contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Extraction:
    """One call of `extract`."""

    def __init__(self, network: Network, preparation: Preparation, pool: ThreadPoolExecutor) -> None:
        self._network = network
        self._store = preparation.store
        self._pool = pool
        self._tallies: dict[int, Tally] = {}
        self._rejects: list[tuple[Photograph, Rejected]] = []
        self._in_flight: deque[tuple[Batch, Future[Computed]]] = deque()
        self._clock = DeviceClock()
        preparer = Preparer(preparation, network.gather)
        self._batches = Batches(preparer, network.batch_size, network.at_a_time, self._clock.waits_for)

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with closing(self._batches.prepared(self._remaining(batches))) as prepared:
            yield from self._of_prepared(prepared)
        while self._in_flight:
            yield from self._handed_over(self._features())
        if self._rejects:
            yield reject_batch(self._rejects)
        self._finish_tallies()
        yield statistics_batch(self._tallies)

    def _of_prepared(self, prepared: Iterator[Batch | Rejects | Spent]) -> Iterator[pa.RecordBatch]:
        for outcome in prepared:
            if isinstance(outcome, Batch):
                self._in_flight.append((outcome, self._pool.submit(self._compute, outcome)))
                if len(self._in_flight) > self._network.at_a_time:
                    yield from self._handed_over(self._features())
            elif isinstance(outcome, Spent):
                tally = self._tallies[outcome.shard]
                tally.spend("reading", outcome.on.reading_s)
                tally.spend("decoding", outcome.on.decoding_s)
                tally.declined += outcome.on.n_declined
            else:
                self._count(outcome)
                while len(self._rejects) >= REJECTS_PER_BATCH:
                    yield from self._handed_over(reject_batch(self._rejects[:REJECTS_PER_BATCH]))
                    del self._rejects[:REJECTS_PER_BATCH]

    def _remaining(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
        """The rows of shards that have not failed; all rows are counted."""
        for row in index_rows(batches):
            tally = self._tallies.setdefault(row.shard, Tally())
            tally.images += 1
            if not tally.failure:
                yield row

    def _count(self, rejects: Rejects) -> None:
        for photograph, problem in rejects.of_photographs:
            tally = self._tallies[photograph.row.shard]
            if isinstance(problem, ShardFailed):
                tally.failure = tally.failure or str(problem)
            else:
                tally.reject(problem.reason)
                self._rejects.append((photograph, problem))

    def _handed_over(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The batch for Spark, which this thread waits for."""
        self._clock.waits_for(HANDING_OVER)
        yield batch

    def _compute(self, batch: Batch) -> Computed:
        start = time.perf_counter()
        with self._clock.computing():
            features = self._network.compute(batch.pictures)
        features = _checked(features[: len(batch.photographs)], batch, self._store)
        return Computed(features, time.perf_counter() - start)

    def _finish_tallies(self) -> None:
        """Give each shard its part of the time on the clock, in proportion to its photographs."""
        n_images = sum(tally.images for tally in self._tallies.values())
        for tally in self._tallies.values():
            part = tally.images / n_images
            tally.device_seconds = {what: seconds * part for what, seconds in self._clock.seconds().items()}
            tally.network = self._network.description + self._network.note()

    def _features(self) -> pa.RecordBatch:
        """The features of the oldest batch that the network has."""
        (photographs, pictures), future = self._in_flight.popleft()
        features, computing_s = future.result()
        self._batches.release(pictures)
        for photograph in photographs:
            tally = self._tallies[photograph.row.shard]
            tally.features += 1
            tally.spend("computing", computing_s / len(photographs))
        return feature_batch(photographs, features)


def _checked(features: Array, batch: Batch, store: str) -> Array:
    """The features as they are stored; RunFailed where some are not numbers."""
    if store == "float16":
        with np.errstate(over="ignore"):  # refused below
            features = features.astype(np.float16).astype(np.float32)
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise RunFailed(
            f"{batch.photographs[int(np.argmin(finite))].row.uri}: its features are not finite numbers in {store}; "
            "set features.store and features.precision to float32, or take other weights"
        )
    return features
