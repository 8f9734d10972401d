"""The baseline `neighbours`: what a map alone knows, the deciles of the nearest areas to learn from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CHOICES = (1, 2, 3, 5, 8, 12, 20)
"""The numbers of neighbours to choose from."""

MIN_METRES = 1
"""Smaller distances count as this one, so that no weight is infinite."""


class Neighbours:
    """The areas to learn from and those to predict, with the distances between them, for any number of outcomes."""

    def __init__(self, points: Floats, targets: Floats) -> None:
        """Compute the distances.

        Args:
            points: [n, 2] in metres, the centres of the areas to learn from, n >= 2.
            targets: [m, 2] in metres, the centres of the areas to predict.
        """
        from scipy.spatial import cKDTree

        self._tree = cKDTree(points)
        self._choices = [k for k in CHOICES if k < len(points)]
        self._targets = targets
        # Each area's nearest area is itself, or one at the very same point, which may be left out in its place.
        self._learned = _Nearest(*(nearest[:, 1:] for nearest in self._tree.query(points, k=self._choices[-1] + 1)))
        self._predicted: dict[int, _Nearest] = {}

    def deciles(self, deciles: Floats) -> Floats:
        """The mean of the nearest areas' deciles, weighted by the inverse of their distance [m], not rounded.

        The number of neighbours is the one of CHOICES with the smallest mean absolute error when each area to learn
        from is predicted from the others. `deciles` are those of the areas to learn from [n].
        """
        errors = {k: np.abs(self._learned.means(deciles, k) - deciles).mean() for k in self._choices}
        best = min(self._choices, key=lambda k: (errors[k], k))
        if best not in self._predicted:
            self._predicted[best] = _Nearest(*self._tree.query(self._targets, k=[*range(1, best + 1)]))
        return self._predicted[best].means(deciles, best)


class _Nearest:
    """The nearest areas of each area [areas, k], nearest first, and their weights."""

    def __init__(self, distances: Floats, neighbours: npt.NDArray[np.intp]) -> None:
        self._weights = 1 / np.maximum(distances, MIN_METRES)
        self._neighbours = neighbours

    def means(self, deciles: Floats, k: int) -> Floats:
        """The weighted mean of the k nearest areas' deciles."""
        weights = self._weights[:, :k]
        return np.asarray((weights * deciles[self._neighbours[:, :k]]).sum(axis=1) / weights.sum(axis=1))
