"""Moran's I: whether neighbouring areas err alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 6
"""Each area's neighbours, those with the nearest centres; areas in a plane touch six others on average."""

PERMUTATIONS = 199


@dataclass(frozen=True)
class Moran:
    """`value` is 0 or a little less where errors have nothing to do with places, and 1 where neighbours err alike.

    p: the share of random permutations of the errors over the areas with at least this value.
    """

    value: float
    p: float


def moran(residuals: Floats, points: Floats, *, random: np.random.Generator) -> Moran | None:
    """Moran's I of `residuals` [n] with weights of 1 / NEIGHBOURS for each of the nearest `points` [n, 2].

    None if there are too few areas for neighbours, or all residuals are equal.
    """
    from scipy.spatial import cKDTree

    n = len(residuals)
    if n <= NEIGHBOURS + 1 or np.ptp(residuals) == 0:
        return None
    _, nearest = cKDTree(points).query(points, k=NEIGHBOURS + 1)
    # Sums of six arrays, one for each neighbour, are several times faster.
    neighbours = np.ascontiguousarray(_without_self(nearest).T)
    z = residuals - residuals.mean()
    value = _value(z, neighbours)
    permuted = np.array([_value(random.permutation(z), neighbours) for _ in range(PERMUTATIONS)])
    return Moran(value, float((1 + (permuted >= value).sum()) / (1 + PERMUTATIONS)))


def _value(z: Floats, neighbours: npt.NDArray[np.intp]) -> float:
    mean = sum(z[nearest] for nearest in neighbours) / NEIGHBOURS
    # The weights of each row add up to 1, so their sum is n, which cancels.
    return float(z @ mean / (z @ z))


def _without_self(nearest: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The NEIGHBOURS of each area; where areas have the same centre, the area itself may be anywhere, or missing."""
    is_self = nearest == np.arange(len(nearest))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    return np.asarray(nearest[~is_self]).reshape(len(nearest), -1)
