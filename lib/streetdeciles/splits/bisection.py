"""Contiguous blocks of areas, by cutting a map again and again into two parts with equally many locations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]


def bisect(centres: Whole, sizes: Whole, n_blocks: int) -> Whole:
    """The block of each point, 0 .. n_blocks - 1, int64 [n].

    Each cut is a straight line across the longer side of what it divides, so the points of a block are those in a
    convex part of the plane, and blocks differ in size only by what a cut cannot divide: a point on either side of it.

    Args:
        centres: int64 [n, 2], in the order in which points on one cut are taken.
        sizes: the locations of each point, int64 [n].
        n_blocks: at most n.
    """
    block = np.zeros(len(centres), np.int64)
    waiting = [(np.arange(len(centres)), 0, n_blocks)]
    while waiting:
        points, first, n = waiting.pop()
        if n == 1:
            block[points] = first
            continue
        spans = np.ptp(centres[points], axis=0)
        along = int(spans[1] > spans[0])
        points = points[np.lexsort((centres[points, 1 - along], centres[points, along]))]
        n_before = n // 2
        # Both sides need a point for each of their blocks.
        cuts = np.arange(n_before, len(points) - (n - n_before) + 1)
        before = np.cumsum(sizes[points])
        cut = cuts[np.argmin(np.abs(n * before[cuts - 1] - n_before * before[-1]))]
        waiting += [(points[:cut], first, n_before), (points[cut:], first + n_before, n - n_before)]
    return block


def turned(centres: Whole, angle: float) -> Whole:
    """The points turned around the origin by `angle` (radians), in whole hundredths of the unit."""
    cosine, sine = np.cos(angle), np.sin(angle)
    moved = centres @ np.array([[cosine, sine], [-sine, cosine]])
    whole: Whole = np.rint(100 * moved).astype(np.int64)
    return whole
