"""Batches for a stack of models: which rows each model reads, in which order and with which weights."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streetdeciles.training.assignments import Assignments, Index
from streetdeciles.training.feature_source import FeatureSource
from streetdeciles.training.layout import Layout

Item = TypeVar("Item")


@dataclass(frozen=True)
class StackedBatch:
    """One batch for a `StackedNetwork`: `inputs`, whose features many batches share, and `deciles` int32
    [models, rows]."""

    inputs: dict[str, Any]
    deciles: npt.NDArray[np.int32]


def learning_batches(
    assignments: Assignments,
    layout: Layout,
    source: FeatureSource,
    *,
    batch_size: int,
    seed: Sequence[int],
    balanced: bool = False,
) -> Iterator[StackedBatch]:
    """One epoch: each model gets each of its rows once, at most `batch_size` per batch, in an order set by `seed`.

    Blocks of neighbouring rows are drawn into a buffer, read from disk one after the other, and the buffer's rows are
    shuffled: the features pass through memory once per epoch, at the disk's sequential speed. Each fold draws from the
    buffer by itself, and leaves out the rows that it holds out.

    If `balanced`, each model gets as many rows as it has in the buffer, drawn with replacement: first a class, all
    equally likely, then a row of it. Every row then has weight 1. Each set of `layout` must be a single model.
    """

    def weigh(fold_index: int, row_numbers: Index) -> npt.NDArray[np.float32]:
        weights = assignments.learning_weights(fold_index, row_numbers)
        return (weights > 0).astype(np.float32) if balanced else weights

    def draw(buffer_index: int, fold_index: int, outcome_indices: Index, row_numbers: Index) -> Index:
        words = [*seed, assignments.folds[fold_index], buffer_index]
        if balanced:
            (outcome_index,) = outcome_indices
            random = np.random.default_rng([*words, zlib.crc32(assignments.outcomes[outcome_index].encode())])
            is_learned = weigh(fold_index, row_numbers)[outcome_index] > 0
            return _drawn_by_class(random, np.where(is_learned, assignments.deciles(row_numbers)[outcome_index], 0))
        random = np.random.default_rng(words)
        return random.permutation(np.flatnonzero(_of_fold(assignments, assignments.learns, fold_index)[row_numbers]))

    buffers = source.buffers(seed)
    return _batches(assignments, layout, assignments.learns, buffers, draw=draw, weigh=weigh, batch_size=batch_size)


def validation_batches(
    assignments: Assignments, layout: Layout, source: FeatureSource, *, batch_size: int
) -> Iterator[StackedBatch]:
    """Each model's validation rows once, in the order of the training set."""

    def draw(buffer_index: int, fold_index: int, outcome_indices: Index, row_numbers: Index) -> Index:
        return np.flatnonzero(_of_fold(assignments, assignments.validates, fold_index)[row_numbers])

    weigh = assignments.validation_weights
    return _batches(
        assignments, layout, assignments.validates, source.buffers(), draw=draw, weigh=weigh, batch_size=batch_size
    )


def prefetched(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """`items`, prepared by another thread at most `depth` ahead; an error in that thread is raised here."""
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue()
    free_slots = threading.Semaphore(depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            iterator = iter(items)
            while free_slots.acquire() and not stopped.is_set():
                ready.put((next(iterator, None), None))
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
            free_slots.release()
            yield item
    finally:
        stopped.set()
        free_slots.release()
        thread.join()


def _batches(
    assignments: Assignments,
    layout: Layout,
    used: npt.NDArray[np.bool_],
    buffers: Iterable[tuple[Index, Index, dict[str, Any]]],
    *,
    draw: Callable[[int, int, Index, Index], Index],
    weigh: Callable[[int, Index], npt.NDArray[np.float32]],
    batch_size: int,
) -> Iterator[StackedBatch]:
    """Batches of the rows `used` [all folds, rows], buffer by buffer.

    All have the same width, because a network compiles again for another one. Folds differ a little in rows, so a
    batch may end with padding: rows of weight 0. If one buffer holds all rows, they are spread evenly over its
    batches, so that there is little padding.

    Args:
        draw: (buffer index, fold index, outcome indices, row numbers) -> positions in `row_numbers`, in batch order.
        weigh: (fold index, row numbers) -> the weight of each row for each outcome, [outcomes, n].
    """
    for buffer_index, (row_numbers, buffer_slots, arrays) in enumerate(prefetched(buffers, depth=1)):
        max_rows = int(used[:, row_numbers].sum(axis=1).max())
        if max_rows == 0:
            continue
        steps = -(-max_rows // batch_size)
        width = -(-max_rows // steps) if len(row_numbers) == len(assignments.rows) else batch_size
        orders = [
            draw(buffer_index, fold_index, outcome_indices, row_numbers)
            for fold_index, outcome_indices in layout.sets()
        ]
        for positions_by_set in zip(*[np.array_split(order, steps) for order in orders], strict=True):
            row_slots = np.zeros((len(orders), width), np.int32)
            row_weights = np.zeros((layout.models.size, width), np.float32)
            deciles = np.ones((layout.models.size, width), np.int32)
            for set_index, (fold_index, outcome_indices) in enumerate(layout.sets()):
                positions, models = positions_by_set[set_index], layout.stack_slice(set_index)
                rows, n = row_numbers[positions], len(positions)
                row_slots[set_index, :n] = buffer_slots[positions]
                row_weights[models, :n] = weigh(fold_index, rows)[outcome_indices]
                deciles[models, :n] = np.maximum(assignments.deciles(rows)[outcome_indices], 1)
            yield StackedBatch({**arrays, "row_slots": row_slots, "row_weights": row_weights}, deciles)


def _of_fold(assignments: Assignments, used: npt.NDArray[np.bool_], fold_index: int) -> npt.NDArray[np.bool_]:
    rows: npt.NDArray[np.bool_] = used[assignments.all_folds.index(assignments.folds[fold_index])]
    return rows


def _drawn_by_class(random: np.random.Generator, classes: npt.NDArray[np.int8]) -> Index:
    """Positions of a class above 0, as many as there are, each drawn from one of the classes, equally likely."""
    positions = np.flatnonzero(classes)
    if not len(positions):
        return positions
    by_class = positions[np.argsort(classes[positions], kind="stable")]
    sizes = np.unique(classes[positions], return_counts=True)[1]
    class_indices = random.integers(len(sizes), size=len(positions))
    first = (np.cumsum(sizes) - sizes)[class_indices]
    drawn: Index = by_class[first + random.integers(sizes[class_indices])]
    return drawn
