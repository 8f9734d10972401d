"""The order of the models in a stack, and which of them read the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streetdeciles.training.assignments import Assignments, Index


@dataclass(frozen=True)
class Layout:
    """Sets of models, all of one size; the models of a set belong to one fold and read the same rows.

    model_indices: int64 [sets, models per set], indices into `Assignments.models`, which are ordered by fold.
    outcomes: the number of outcomes in the assignments.
    """

    model_indices: npt.NDArray[np.int64]
    outcomes: int

    @classmethod
    def together(cls, assignments: Assignments) -> Layout:
        """All models, with one set per fold."""
        return cls(np.arange(len(assignments.models)).reshape(len(assignments.folds), -1), len(assignments.outcomes))

    @classmethod
    def apart(cls, assignments: Assignments) -> Layout:
        """All models, with one set per model, because each reads rows of its own."""
        return cls(np.arange(len(assignments.models))[:, None], len(assignments.outcomes))

    @property
    def models(self) -> Index:
        """The index into `Assignments.models` of each model, in the order of the stack."""
        return self.model_indices.ravel()

    def stack_indices(self, models: Sequence[int]) -> list[int]:
        """The positions in the stack of these models of `Assignments.models`."""
        return [int(np.flatnonzero(self.models == model)[0]) for model in models]

    def sets(self) -> Iterator[tuple[int, Index]]:
        """(fold index, outcome indices) of each set."""
        for indices in self.model_indices:
            yield int(indices[0]) // self.outcomes, indices % self.outcomes

    def stack_slice(self, set_index: int) -> slice:
        """The positions in the stack of the models of a set."""
        size = self.model_indices.shape[1]
        return slice(set_index * size, (set_index + 1) * size)

    def without(self, stopped: npt.NDArray[np.bool_]) -> Layout:
        """The models that are not `stopped` [models]; stopped ones stay where a set would otherwise be smaller."""
        kept = [indices[np.argsort(stopped[indices], kind="stable")] for indices in self.model_indices]
        kept = [indices for indices in kept if not stopped[indices[0]]]
        size = max((int((~stopped[indices]).sum()) for indices in kept), default=0)
        smaller = np.array([indices[:size] for indices in kept], np.int64).reshape(len(kept), size)
        return Layout(smaller, self.outcomes)
