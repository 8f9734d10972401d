"""Batches for a stack of models: which rows each model is given, in which order and with which weights."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.training.assignments import Assignments, Index
from streetdeciles.training.feature_source import FeatureSource
from streetdeciles.training.layout import Layout

SMALLEST, LARGEST = 16, 256
"""Of `batch_size: auto`: larger batches multiply faster, but where an epoch has few steps more epochs are needed."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class StackedBatch:
    """What a `StackedNetwork` is given: `inputs`, of which many batches share the features, and `deciles` int32
    [models, rows]."""

    inputs: dict[str, Any]
    deciles: npt.NDArray[np.int32]


def batch_size_of(settings: TrainingConfig, rows: int) -> int:
    """`settings.batch_size`, or what suits a training set of so many rows, all its models alike."""
    if settings.batch_size == "auto":
        return min(LARGEST, max(SMALLEST, isqrt(int(rows * settings.train_size))))
    return settings.batch_size


def learning_batches(
    assignments: Assignments,
    layout: Layout,
    source: FeatureSource,
    *,
    batch_size: int,
    seed: Sequence[int],
    balanced: bool = False,
) -> Iterator[StackedBatch]:
    """One epoch: each model gets each of its rows once, at most `batch_size` a batch, in an order that `seed` decides.

    Blocks of neighbouring rows are drawn into a buffer, read from disk one after the other, and the buffer's rows are
    shuffled: the features pass through memory once an epoch, at the disk's sequential speed. Each fold draws from the
    buffer by itself, because the rows of its own fold would only be carried along.

    If `balanced`, each model gets as many rows as it has in the buffer, but each row is drawn by its class, all classes
    being equally likely, and put back; rows then have the weight 1. Each set of `layout` must be one model.
    """

    def weigh(f: int, index: Index) -> npt.NDArray[np.float32]:
        weights = assignments.learning_weights(f, index)
        return (weights > 0).astype(np.float32) if balanced else weights

    def draw(b: int, f: int, outcomes: Index, index: Index) -> Index:
        if balanced:
            (o,) = outcomes
            random = np.random.default_rng(
                [*seed, assignments.folds[f], b, zlib.crc32(assignments.outcomes[o].encode())]
            )
            return _drawn_by_class(random, np.where(weigh(f, index)[o] > 0, assignments.deciles(index)[o], 0))
        random = np.random.default_rng([*seed, assignments.folds[f], b])
        return random.permutation(np.flatnonzero(_of_fold(assignments, assignments.learns, f)[index]))

    buffers = source.buffers(seed)
    return _batches(assignments, layout, assignments.learns, buffers, draw=draw, weigh=weigh, batch_size=batch_size)


def validation_batches(
    assignments: Assignments, layout: Layout, source: FeatureSource, *, batch_size: int
) -> Iterator[StackedBatch]:
    """Each model's validation rows once, in the order of the set."""

    def draw(b: int, f: int, outcomes: Index, index: Index) -> Index:
        return np.flatnonzero(_of_fold(assignments, assignments.validates, f)[index])

    weigh = assignments.validation_weights
    return _batches(
        assignments, layout, assignments.validates, source.buffers(), draw=draw, weigh=weigh, batch_size=batch_size
    )


def prefetched(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """`items`, made by another thread at most `depth` ahead; what it raises is raised here."""
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue()
    places = threading.Semaphore(depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            made = iter(items)
            while places.acquire() and not stopped.is_set():
                ready.put((next(made, None), None))
        except BaseException as error:  # raised again where the items are used
            ready.put((None, error))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            places.release()
            yield item
    finally:
        stopped.set()
        places.release()
        thread.join()


def _batches(
    assignments: Assignments,
    layout: Layout,
    own: npt.NDArray[np.bool_],
    buffers: Iterable[tuple[Index, Index, dict[str, Any]]],
    *,
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
    for b, (index, standing, given) in enumerate(prefetched(buffers, depth=1)):
        most = int(own[:, index].sum(axis=1).max())
        if most == 0:
            continue
        steps = -(-most // batch_size)
        width = -(-most // steps) if len(index) == len(assignments.rows) else batch_size
        orders = [draw(b, f, outcomes, index) for f, outcomes in layout.sets()]
        for chosen in zip(*[np.array_split(order, steps) for order in orders], strict=True):
            places = np.zeros((len(orders), width), np.int32)
            row_weights = np.zeros((layout.numbers.size, width), np.float32)
            deciles = np.ones((layout.numbers.size, width), np.int32)
            for s, ((f, outcomes), own_places) in enumerate(zip(layout.sets(), chosen, strict=True)):
                rows, models, n = index[own_places], layout.of_set(s), len(own_places)
                places[s, :n] = standing[own_places]
                row_weights[models, :n] = weigh(f, rows)[outcomes]
                deciles[models, :n] = np.maximum(assignments.deciles(rows)[outcomes], 1)
            yield StackedBatch({**given, "places": places, "row_weights": row_weights}, deciles)


def _of_fold(assignments: Assignments, own: npt.NDArray[np.bool_], f: int) -> npt.NDArray[np.bool_]:
    rows: npt.NDArray[np.bool_] = own[assignments.all_folds.index(assignments.folds[f])]
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
