"""Batches for a stack of models, from rows that may be many times larger than memory."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isqrt
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.layout import Layout
from streetdeciles.training.lessons import Index, Lessons

BLOCK_MB = 4
BUFFER_MB = 512
"""Two buffers are in memory at most: the one that batches come from and the next."""

SMALLEST, LARGEST = 16, 256
"""Of `batch_size: auto`: larger batches multiply faster, but where an epoch has few steps more epochs are needed."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class StackedBatch:
    """What a `StackedNetwork` is given: `inputs` and `deciles` int32 [models, rows]."""

    inputs: dict[str, npt.NDArray[Any]]
    deciles: npt.NDArray[np.int32]


def batch_size_of(settings: TrainingConfig, rows: int) -> int:
    """`settings.batch_size`, or what suits a training set of so many rows, all its models alike."""
    if settings.batch_size == "auto":
        return min(LARGEST, max(SMALLEST, isqrt(int(rows * settings.train_size))))
    return settings.batch_size


def learning_batches(
    lessons: Lessons,
    layout: Layout,
    *,
    batch_size: int,
    seed: Sequence[int],
    balanced: bool = False,
    buffer_mb: float = BUFFER_MB,
) -> Iterator[StackedBatch]:
    """One epoch: each model gets each of its rows once, at most `batch_size` a batch, in an order that `seed` decides.

    Blocks of neighbouring rows are drawn into a buffer, read from disk one after the other, and the buffer's rows are
    shuffled: the features pass through memory once an epoch, at the disk's sequential speed. Each fold draws from the
    buffer by itself, because the rows of its own fold would only be carried along.

    If `balanced`, each model gets as many rows as it has in the buffer, but each row is drawn by its class, all classes
    being equally likely, and put back; rows then have the weight 1. Each set of `layout` must be one model.
    """

    def weigh(f: int, index: Index) -> npt.NDArray[np.float32]:
        weights = lessons.learning_weights(f, index)
        return (weights > 0).astype(np.float32) if balanced else weights

    def draw(b: int, f: int, outcomes: Index, index: Index) -> Index:
        if balanced:
            (o,) = outcomes
            random = np.random.default_rng([*seed, lessons.folds[f], b, zlib.crc32(lessons.outcomes[o].encode())])
            return _drawn_by_class(random, np.where(weigh(f, index)[o] > 0, lessons.deciles(index)[o], 0))
        random = np.random.default_rng([*seed, lessons.folds[f], b])
        return random.permutation(np.flatnonzero(_of_fold(lessons, lessons.learns, f)[index]))

    buffers = _buffers(lessons.rows, seed, buffer_mb)
    return _batches(lessons, layout, lessons.learns, buffers=buffers, draw=draw, weigh=weigh, batch_size=batch_size)


def validation_batches(
    lessons: Lessons, layout: Layout, *, batch_size: int, buffer_mb: float = BUFFER_MB
) -> Iterator[StackedBatch]:
    """Each model's validation rows once, in the order of the set."""

    def draw(b: int, f: int, outcomes: Index, index: Index) -> Index:
        return np.flatnonzero(_of_fold(lessons, lessons.validates, f)[index])

    buffers = _buffers(lessons.rows, None, buffer_mb)
    weigh = lessons.validation_weights
    return _batches(lessons, layout, lessons.validates, buffers=buffers, draw=draw, weigh=weigh, batch_size=batch_size)


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
    layout: Layout,
    own: npt.NDArray[np.bool_],
    *,
    buffers: Iterable[Index],
    draw: Callable[[int, int, Index, Index], Index],
    weigh: Callable[[int, Index], npt.NDArray[np.float32]],
    batch_size: int,
) -> Iterator[StackedBatch]:
    """Batches of the rows `own` [all folds, rows], buffer by buffer.

    All have one width, because a network compiles anew for another. Folds differ a little in rows, so the last
    places may be filled up with rows of weight 0; a set that is one buffer is spread evenly, so that few are.

    Args:
        draw: (buffer, place of a fold, places of outcomes, rows) -> places of those rows in their order.
        weigh: (place of a fold, rows) -> the weight of each row for each outcome, [outcomes, n].
    """
    for b, index in enumerate(buffers):
        most = int(own[:, index].sum(axis=1).max())
        if most == 0:
            continue
        steps = -(-most // batch_size)
        width = -(-most // steps) if len(index) == len(lessons.rows) else batch_size
        orders = [draw(b, f, outcomes, index) for f, outcomes in layout.sets()]
        features = _read(lessons.rows, index)
        for chosen in zip(*[np.array_split(order, steps) for order in orders], strict=True):
            batch = _empty(lessons, layout, width, features)
            for s, ((f, outcomes), places) in enumerate(zip(layout.sets(), chosen, strict=True)):
                rows, models = index[places], layout.of_set(s)
                batch.inputs["features"][s, : len(rows)] = features[places]
                batch.inputs["view_mask"][s, : len(rows)] = lessons.rows.view_mask[rows]
                batch.inputs["row_weights"][models, : len(rows)] = weigh(f, rows)[outcomes]
                batch.deciles[models, : len(rows)] = np.maximum(lessons.deciles(rows)[outcomes], 1)
            yield batch


def _of_fold(lessons: Lessons, own: npt.NDArray[np.bool_], f: int) -> npt.NDArray[np.bool_]:
    rows: npt.NDArray[np.bool_] = own[lessons.all_folds.index(lessons.folds[f])]
    return rows


def _drawn_by_class(random: np.random.Generator, classes: npt.NDArray[np.int8]) -> Index:
    """As many places as there are with a class above 0, each drawn from one of the classes, equally likely."""
    places = np.flatnonzero(classes)
    if not len(places):
        return places
    by_class = places[np.argsort(classes[places], kind="stable")]
    sizes = np.unique(classes[places], return_counts=True)[1]
    drawn = random.integers(len(sizes), size=len(places))
    found: Index = by_class[(np.cumsum(sizes) - sizes)[drawn] + random.integers(sizes[drawn])]
    return found


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


def _empty(lessons: Lessons, layout: Layout, width: int, features: npt.NDArray[Any]) -> StackedBatch:
    sets, models, views = len(layout.numbers), layout.numbers.size, features.shape[1]
    inputs = {
        "features": np.zeros((sets, width, *features.shape[1:]), np.float32),
        "view_mask": np.ones((sets, width, views), bool),
        "row_weights": np.zeros((models, width), np.float32),
    }
    return StackedBatch(inputs, np.ones((models, width), np.int32))


def _read(rows: TrainingRows, index: Index) -> npt.NDArray[Any]:
    """The features of rows `index`, whose runs of neighbours are read as runs."""
    cuts = np.flatnonzero(np.diff(index) != 1) + 1
    buffer = np.empty((len(index), *rows.features.shape[1:]), rows.features.dtype)
    for part in np.split(np.arange(len(index)), cuts):
        first = index[part[0]]
        buffer[part[0] : part[-1] + 1] = rows.features[first : first + len(part)]
    return buffer
