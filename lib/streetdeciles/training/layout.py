"""Which models of some assignments stand where in a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streetdeciles.training.assignments import Assignments, Index


@dataclass(frozen=True)
class Layout:
    """Sets of models, equally many in each; those of a set are of one fold and are given the same rows.

    numbers: int64 [sets, models of a set], the places in `Assignments.models`, which go fold by fold.
    outcomes: how many there are in the assignments.
    """

    numbers: npt.NDArray[np.int64]
    outcomes: int

    @classmethod
    def together(cls, assignments: Assignments) -> Layout:
        """All models, a fold's in one set."""
        return cls(np.arange(len(assignments.models)).reshape(len(assignments.folds), -1), len(assignments.outcomes))

    @classmethod
    def apart(cls, assignments: Assignments) -> Layout:
        """All models, each in a set of its own, because each is given other rows."""
        return cls(np.arange(len(assignments.models))[:, None], len(assignments.outcomes))

    @property
    def models(self) -> Index:
        """The place in `Assignments.models` of each model of the stack, in its order."""
        return self.numbers.ravel()

    def places(self, models: Sequence[int]) -> list[int]:
        """Where in the stack these models of `Assignments.models` stand."""
        return [int(np.flatnonzero(self.models == m)[0]) for m in models]

    def sets(self) -> Iterator[tuple[int, Index]]:
        """(place of the fold, places of the outcomes) of each set."""
        for numbers in self.numbers:
            yield int(numbers[0]) // self.outcomes, numbers % self.outcomes

    def of_set(self, s: int) -> slice:
        """Where in the stack the models of set `s` stand."""
        size = self.numbers.shape[1]
        return slice(s * size, (s + 1) * size)

    def without(self, stopped: npt.NDArray[np.bool_]) -> Layout:
        """The models that are not `stopped` [models]. Where sets would have unequal numbers, stopped ones fill up."""
        kept = [numbers[np.argsort(stopped[numbers], kind="stable")] for numbers in self.numbers]
        kept = [numbers for numbers in kept if not stopped[numbers[0]]]
        size = max((int((~stopped[numbers]).sum()) for numbers in kept), default=0)
        return Layout(np.array([numbers[:size] for numbers in kept], np.int64).reshape(len(kept), size), self.outcomes)
