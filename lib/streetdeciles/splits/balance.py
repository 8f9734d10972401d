"""Units of several classes spread over parts, so that each part has its share of every class and of all locations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Whole = npt.NDArray[np.int64]

SHARE_STEPS = 1000
"""Shares are whole numbers of thousandths: with integers every machine finds the same parts."""

MAX_SWAPPED = 1000
"""The maximum number of units that are swapped between parts, as long as that improves the balance."""


def count_classes(units: pd.DataFrame) -> tuple[npt.NDArray[np.object_], Whole]:
    """The sorted ids of the units, and their locations by class, int64 [units, classes].

    Args:
        units: one row per unit and class: `unit`, `stratum` (null is a class of its own), `n_locations`.
    """
    ids, rows = np.unique(units["unit"].to_numpy(dtype=object), return_inverse=True)
    classes, labels = units["stratum"].factorize(sort=True, use_na_sentinel=False)
    counts = np.zeros((len(ids), len(labels)), np.int64)
    np.add.at(counts, (rows, classes), units["n_locations"].to_numpy())
    return ids, counts


def spread(counts: Whole, shares: Sequence[float], random: np.random.Generator) -> Whole:
    """The part of each unit: an index into `shares`, int64 [units].

    The units, the largest first, each go where they bring the parts closest to their shares: the sum over parts of the
    squared differences in each class and in all locations becomes as small as possible. Then pairs are swapped while
    that makes it smaller. With equal shares no part is empty if there are as many units as parts.

    Args:
        counts: locations by class, int64 [units, classes].
        shares: the share of each part; they add up to 1.
        random: draws the order of units of equal size.
    """
    sizes = np.column_stack([counts, counts.sum(axis=1)])
    weights = np.rint(np.array(shares) * SHARE_STEPS).astype(np.int64)
    if len({*weights.tolist()}) == 1:
        weights[:] = 1
    # How much each part has too much of each class, in units of 1 / weights.sum().
    excess = -weights[:, None] * sizes.sum(axis=0)
    scale = int(weights.sum())
    shuffled = random.permutation(len(sizes))
    parts = np.empty(len(sizes), np.int64)
    for unit in shuffled[np.argsort(-sizes[shuffled, -1], kind="stable")]:
        part = int(np.argmin(excess @ sizes[unit]))
        excess[part] += scale * sizes[unit]
        parts[unit] = part
    if len(sizes) <= MAX_SWAPPED:
        _swap(parts, sizes, excess, scale)
    return parts


def _swap(parts: Whole, sizes: Whole, excess: Whole, scale: int) -> None:
    """Swap units between parts, in place, until no swap of two improves the balance."""
    improved = True
    while improved:
        improved = False
        for unit in range(len(parts)):
            gain = scale * (sizes - sizes[unit])  # of this unit's part, if it is swapped with each other one
            change = 2 * (gain * (excess[parts[unit]] - excess[parts])).sum(axis=1) + 2 * (gain * gain).sum(axis=1)
            change[parts == parts[unit]] = 0
            other = int(np.argmin(change))
            if change[other] < 0:
                excess[parts[unit]] += gain[other]
                excess[parts[other]] -= gain[other]
                parts[unit], parts[other] = parts[other], parts[unit]
                improved = True
