"""The features of rows that may be many times larger than memory, where the network can read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.training.assignments import Index
from streetdeciles.training.cache import TrainingRows

BLOCK_MB = 4
BUFFER_MB = 512
"""Three buffers are in memory at most: the one that batches come from, the next, and what that is copied from."""

HELD_SHARE = 0.25
"""Of the memory that training may take: features that take no more are put where the network is, and stay there."""

Place = Callable[[npt.NDArray[Any]], Any]


class FeatureSource:
    """The features of `rows` where the network is: all of them for good if `hold`, else buffer by buffer.

    `place` puts an array there. Which rows are a buffer's, and so the order of rows, does not depend on `hold`.
    """

    def __init__(
        self, rows: TrainingRows, *, place: Place = np.asarray, buffer_mb: float = BUFFER_MB, hold: bool = False
    ) -> None:
        row_bytes = rows.features[:1].nbytes
        self.rows = rows
        self._block = max(1, int(BLOCK_MB * 2**20 / row_bytes))
        self._at_once = max(1, int(buffer_mb * 2**20 / row_bytes / self._block))
        self._place = place
        self._held = self._given(rows.features, rows.view_mask) if hold else None

    def buffers(self, seed: Sequence[int] | None = None) -> Iterator[tuple[Index, Index, dict[str, Any]]]:
        """Rows of a buffer, where each stands in what is given, and that: features and view mask.

        A buffer is some blocks of neighbouring rows, which come in order or, if there is a `seed`, at random. All have
        one size, because a network compiles anew for another: zeros fill up those with fewer rows.
        """
        if self._held is not None:
            for index in self._orders(seed):
                yield index, index, self._held
            return
        size = min(len(self.rows), self._block * self._at_once)
        for index in self._orders(seed):
            arrays = (_read(values, index, size) for values in (self.rows.features, self.rows.view_mask))
            yield index, np.arange(len(index)), self._given(*arrays)

    def _orders(self, seed: Sequence[int] | None) -> Iterator[Index]:
        starts = np.arange(0, len(self.rows), self._block)
        if seed is not None:
            starts = np.random.default_rng(seed).permutation(starts)
        for i in range(0, len(starts), self._at_once):
            some = starts[i : i + self._at_once]
            yield np.concatenate([np.arange(start, min(start + self._block, len(self.rows))) for start in some])

    def _given(self, features: npt.NDArray[Any], view_mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {"features": self._place(features), "view_mask": self._place(view_mask)}


def may_be_held(rows: TrainingRows, memory_bytes: float) -> bool:
    return bool(rows.features.nbytes <= HELD_SHARE * memory_bytes)


def _read(values: npt.NDArray[Any], index: Index, size: int) -> npt.NDArray[Any]:
    """`values` of rows `index`, whose runs of neighbours are read as runs; zeros after them up to `size` rows."""
    cuts = np.flatnonzero(np.diff(index) != 1) + 1
    buffer = np.zeros((size, *values.shape[1:]), values.dtype)
    for part in np.split(np.arange(len(index)), cuts):
        first = index[part[0]]
        buffer[part[0] : part[-1] + 1] = values[first : first + len(part)]
    return buffer
