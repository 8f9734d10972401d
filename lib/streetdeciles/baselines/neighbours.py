"""The baseline `neighbours`: what a map alone knows, the deciles of the nearest areas to learn from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CHOICES = (1, 2, 3, 5, 8, 12, 20)
"""The numbers of neighbours to choose from."""

MIN_METRES = 1
"""Areas nearer than this count as so far away, so that no weight is infinite."""


def nearest_deciles(points: Floats, deciles: Floats, targets: Floats) -> Floats:
    """The mean of the nearest areas' deciles, weighted by the inverse of their distance.

    The number of neighbours is the one of CHOICES with the smallest mean absolute error when each area to learn from
    is predicted from the others.

    Args:
        points: [n, 2] in metres, the centres of the areas to learn from, n >= 2.
        deciles: their deciles [n].
        targets: [m, 2] in metres, the centres of the areas to predict.

    Returns:
        Deciles [m], not rounded.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    choices = [k for k in CHOICES if k < len(points)]
    # Each area's nearest area is itself, or one at the very same point, which is as good as itself to leave out.
    distances, neighbours = tree.query(points, k=choices[-1] + 1)
    errors = {k: np.abs(_means(distances[:, 1 : k + 1], deciles[neighbours[:, 1 : k + 1]]) - deciles) for k in choices}
    best = min(choices, key=lambda k: (errors[k].mean(), k))
    distances, neighbours = tree.query(targets, k=[*range(1, best + 1)])
    return _means(distances, deciles[neighbours])


def _means(distances: Floats, deciles: Floats) -> Floats:
    weights = 1 / np.maximum(distances, MIN_METRES)
    return np.asarray((weights * deciles).sum(axis=1) / weights.sum(axis=1))
