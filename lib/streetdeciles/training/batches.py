"""Batches for a stack of models, from rows that may be many times larger than memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.lessons import Index, Lessons

BLOCK_MB = 4
BUFFER_MB = 512
"""Two buffers are in memory at most: the one that batches come from and the next."""

Item = TypeVar("Item")
Weigh = Callable[[int, Index], npt.NDArray[np.float32]]
"""(place of a fold, rows) -> weight of each row for each of the fold's models, [outcomes, n]."""


@dataclass(frozen=True)
class StackedBatch:
    """What a `StackedNetwork` is given: `inputs` and `deciles` int32 [models, rows]."""

    inputs: dict[str, npt.NDArray[Any]]
    deciles: npt.NDArray[np.int32]


def learning_batches(
    lessons: Lessons, *, batch_size: int, seed: Sequence[int], buffer_mb: float = BUFFER_MB
) -> Iterator[StackedBatch]:
    """One epoch: each model gets each of its rows once, at most `batch_size` a batch, in an order that `seed` decides.

    Blocks of neighbouring rows are drawn into a buffer, read from disk one after the other, and the buffer's rows are
    shuffled: the features pass through memory once an epoch, at the disk's sequential speed. Each fold draws from the
    buffer by itself, because the rows of its own fold would only be carried along.
    """
    weigh = lessons.learning_weights
    return _batches(lessons, lessons.learns, weigh, batch_size=batch_size, seed=seed, buffer_mb=buffer_mb)


def validation_batches(lessons: Lessons, *, batch_size: int, buffer_mb: float = BUFFER_MB) -> Iterator[StackedBatch]:
    """Each model's validation rows once, in the order of the set."""
    weigh = lessons.validation_weights
    return _batches(lessons, lessons.validates, weigh, batch_size=batch_size, seed=None, buffer_mb=buffer_mb)


def prefetched(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """`items`, made by another thread up to `depth` ahead; what it raises is raised here."""
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Item | None, error: BaseException | None) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put((item, error), timeout=0.1)
                return

    def work() -> None:
        try:
            for item in items:
                put(item, None)
                if stopped.is_set():
                    return
            put(None, None)
        except BaseException as error:  # raised again where the items are used
            put(None, error)

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def _batches(
    lessons: Lessons,
    own: npt.NDArray[np.bool_],
    weigh: Weigh,
    *,
    batch_size: int,
    seed: Sequence[int] | None,
    buffer_mb: float,
) -> Iterator[StackedBatch]:
    """Batches of the rows `own` [all folds, rows], buffer by buffer, shuffled if there is a `seed`.

    All have one width, because a network compiles anew for another. Folds differ a little in rows, so the last
    places may be filled up with rows of weight 0; a set that is one buffer is spread evenly, so that few are.
    """
    for b, index in enumerate(_buffers(lessons.rows, seed, buffer_mb)):
        there = own[:, index]
        most = int(there.sum(axis=1).max())
        if most == 0:
            continue
        steps = -(-most // batch_size)
        width = -(-most // steps) if len(index) == len(lessons.rows) else batch_size
        orders = [np.flatnonzero(there[lessons.all_folds.index(fold)]) for fold in lessons.folds]
        if seed is not None:
            seeds = [[*seed, fold, b] for fold in lessons.folds]
            orders = [np.random.default_rng(s).permutation(order) for s, order in zip(seeds, orders, strict=True)]
        features = _read(lessons.rows, index)
        for chosen in zip(*[np.array_split(order, steps) for order in orders], strict=True):
            batch = _empty(lessons, width, features)
            for f, places in enumerate(chosen):
                _fill(batch, lessons, f, index[places], features[places])
                batch.inputs["row_weights"][_models_of(lessons, f), : len(places)] = weigh(f, index[places])
            yield batch


def _buffers(rows: TrainingRows, seed: Sequence[int] | None, buffer_mb: float) -> Iterator[Index]:
    """Row numbers of each buffer: some blocks, at random or in order, neighbours in a block."""
    row_bytes = rows.features[:1].nbytes
    block = max(1, int(BLOCK_MB * 2**20 / row_bytes))
    in_buffer = max(1, int(buffer_mb * 2**20 / row_bytes / block))
    starts = np.arange(0, len(rows), block)
    if seed is not None:
        starts = np.random.default_rng(seed).permutation(starts)
    for i in range(0, len(starts), in_buffer):
        yield np.concatenate([np.arange(start, min(start + block, len(rows))) for start in starts[i : i + in_buffer]])


def _empty(lessons: Lessons, width: int, features: npt.NDArray[Any]) -> StackedBatch:
    sets, models, views = len(lessons.folds), len(lessons.models), features.shape[1]
    inputs = {
        "features": np.zeros((sets, width, *features.shape[1:]), np.float32),
        "view_mask": np.ones((sets, width, views), bool),
        "row_weights": np.zeros((models, width), np.float32),
    }
    return StackedBatch(inputs, np.ones((models, width), np.int32))


def _fill(batch: StackedBatch, lessons: Lessons, f: int, index: Index, features: npt.NDArray[Any]) -> None:
    """Put rows `index` and their features into the places of fold f."""
    n = len(index)
    batch.inputs["features"][f, :n] = features
    batch.inputs["view_mask"][f, :n] = lessons.rows.view_mask[index]
    batch.deciles[_models_of(lessons, f), :n] = np.maximum(lessons.deciles(index), 1)


def _models_of(lessons: Lessons, f: int) -> slice:
    outcomes = len(lessons.outcomes)
    return slice(f * outcomes, (f + 1) * outcomes)


def _read(rows: TrainingRows, index: Index) -> npt.NDArray[Any]:
    """The features of rows `index`, whose runs of neighbours are read as runs."""
    cuts = np.flatnonzero(np.diff(index) != 1) + 1
    buffer = np.empty((len(index), *rows.features.shape[1:]), rows.features.dtype)
    for part in np.split(np.arange(len(index)), cuts):
        first = index[part[0]]
        buffer[part[0] : part[-1] + 1] = rows.features[first : first + len(part)]
    return buffer
