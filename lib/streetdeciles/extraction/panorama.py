"""Views cut from a panorama: what a camera without distortion would have seen in each direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.extraction.rejects import Rejected

ROWS_PER_STEP = 64
"""Rows of a view that are computed at a time, so that memory does not grow with its area."""

TOLERANCE = 0.01
"""The share of the width by which the height may differ from half of it."""


@dataclass(frozen=True)
class PanoramaViews:
    """A function of an equirectangular panorama and the number of a view."""

    headings: tuple[float, ...]
    """Degrees clockwise from the middle of the panorama, one for each view."""
    field_of_view: float
    """Degrees, horizontally and vertically."""

    def __call__(self, panorama: Array, view: int) -> Array:
        """RGB uint8 [height, 2 height, 3] to a square of as many pixels as the panorama has in the field of view.

        Raises:
            Rejected: it is not twice as wide as high.
        """
        height, width = panorama.shape[:2]
        if abs(width - 2 * height) > TOLERANCE * width:
            raise Rejected("not_a_panorama", f"{width} x {height} pixels; expected twice as wide as high")
        size = max(1, round(width * self.field_of_view / 360))
        # On a plane at distance 1: x to the right, y downwards, at the pixels' centres.
        plane = (np.arange(size) + 0.5) * (2 / size) - 1
        plane *= math.tan(math.radians(self.field_of_view / 2))
        longitude = np.arctan(plane) + math.radians(self.headings[view])
        columns = (longitude / (2 * math.pi) + 0.5) * width - 0.5
        square = np.empty((size, size, 3), dtype=np.uint8)
        for first in range(0, size, ROWS_PER_STEP):
            y = plane[first : first + ROWS_PER_STEP, None]
            latitude = np.arctan(-y / np.sqrt(1 + plane**2))
            rows = (0.5 - latitude / math.pi) * height - 0.5
            square[first : first + ROWS_PER_STEP] = _bilinear(panorama, rows, columns)
        return square


def _bilinear(panorama: Array, rows: Array, columns: Array) -> Array:
    """Values at `rows` [n, m] and `columns` [m], in pixels from the first one's centre; round in columns."""
    height, width = panorama.shape[:2]
    above, left = np.floor(rows), np.floor(columns)
    down, right = (rows - above).astype(np.float32)[..., None], (columns - left).astype(np.float32)[None, :, None]
    upper, lower = (np.clip(above + step, 0, height - 1).astype(np.intp) for step in (0, 1))
    west, east = (((left + step) % width).astype(np.intp)[None] for step in (0, 1))
    top = panorama[upper, west] * (1 - right) + panorama[upper, east] * right
    bottom = panorama[lower, west] * (1 - right) + panorama[lower, east] * right
    values: Array = np.rint(top * (1 - down) + bottom * down).astype(np.uint8)
    return values
