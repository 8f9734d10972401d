"""The features of rows that may be many times larger than memory, copied to the device that trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.training.assignments import Index
from streetdeciles.training.cache import TrainingRows

BLOCK_MB = 4
BUFFER_MB = 512
"""At most three buffers are in memory: the one that batches come from, the next, and the one it is copied from."""

HELD_SHARE = 0.25
"""Share of training's memory. Features that need no more than this are copied to the device once and stay there."""

ToDevice = Callable[[npt.NDArray[Any]], Any]


class FeatureSource:
    """The features of `rows` on the device: all of them for the whole training if `hold`, else buffer by buffer.

    `to_device` copies an array to the device. The rows of each buffer, and so their order, do not depend on `hold`.
    """

    def __init__(
        self, rows: TrainingRows, *, to_device: ToDevice = np.asarray, buffer_mb: float = BUFFER_MB, hold: bool = False
    ) -> None:
        bytes_per_row = rows.features[:1].nbytes
        self.rows = rows
        self._rows_per_block = max(1, int(BLOCK_MB * 2**20 / bytes_per_row))
        self._blocks_per_buffer = max(1, int(buffer_mb * 2**20 / bytes_per_row / self._rows_per_block))
        self._to_device = to_device
        self._held = self._on_device(rows.features, rows.view_mask) if hold else None

    def buffers(self, seed: Sequence[int] | None = None) -> Iterator[tuple[Index, Index, dict[str, Any]]]:
        """(row numbers, the slot of each of these rows in the arrays, the arrays `features` and `view_mask`).

        A buffer is some blocks of neighbouring rows, in order or, with a `seed`, at random. All buffers have the same
        size, because a network compiles again for another one: a buffer with fewer rows ends with zeros.
        """
        if self._held is not None:
            for row_numbers in self._orders(seed):
                yield row_numbers, row_numbers, self._held
            return
        size = min(len(self.rows), self._rows_per_block * self._blocks_per_buffer)
        for row_numbers in self._orders(seed):
            arrays = (_read(values, row_numbers, size) for values in (self.rows.features, self.rows.view_mask))
            yield row_numbers, np.arange(len(row_numbers)), self._on_device(*arrays)

    def _orders(self, seed: Sequence[int] | None) -> Iterator[Index]:
        starts = np.arange(0, len(self.rows), self._rows_per_block)
        if seed is not None:
            starts = np.random.default_rng(seed).permutation(starts)
        for first in range(0, len(starts), self._blocks_per_buffer):
            block_starts = starts[first : first + self._blocks_per_buffer]
            ends = np.minimum(block_starts + self._rows_per_block, len(self.rows))
            yield np.concatenate([np.arange(start, end) for start, end in zip(block_starts, ends, strict=True)])

    def _on_device(self, features: npt.NDArray[Any], view_mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {"features": self._to_device(features), "view_mask": self._to_device(view_mask)}


def may_be_held(rows: TrainingRows, memory_bytes: float) -> bool:
    """Whether the features are small enough to stay on the device, in view of the memory that training may use."""
    return bool(rows.features.nbytes <= HELD_SHARE * memory_bytes)


def _read(values: npt.NDArray[Any], row_numbers: Index, size: int) -> npt.NDArray[Any]:
    """`values` of the rows, padded with zeros to `size` rows; each run of neighbouring rows is read at once."""
    cuts = np.flatnonzero(np.diff(row_numbers) != 1) + 1
    buffer = np.zeros((size, *values.shape[1:]), values.dtype)
    for run in np.split(np.arange(len(row_numbers)), cuts):
        first = row_numbers[run[0]]
        buffer[run[0] : run[-1] + 1] = values[first : first + len(run)]
    return buffer
