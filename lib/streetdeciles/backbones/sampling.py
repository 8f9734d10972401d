"""Which pixels of a photograph an image network needs: the part that must run where the photograph is decoded.

What follows is arithmetic on arrays of one shape, which the network's device does with all photographs of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from streetdeciles.backbones.backbone import Array

PIXEL = np.dtype("V3")
"""Red, green and blue as one value: NumPy copies such pixels three times as fast as their bytes."""

WORD = np.dtype("u4")
"""The same and a byte that means nothing, which NumPy copies another four times as fast."""


@dataclass(frozen=True)
class Neighbours:
    """Scale by the shorter side, cut the middle; bilinear at half-pixel centres and without anti-aliasing.

    Like scikit-image's `rescale` in 2017 and OpenCV's INTER_LINEAR, as in the reference (Suel et al. 2019). Only the
    pixels of the crop are touched: a photograph of 1 x 50,000 pixels costs no more than any other.
    """

    size: int
    """Height and width of the crop in pixels."""

    @property
    def pixels_shape(self) -> tuple[int, ...]:
        """Upper and lower row, left and right column, and the crop's own shape; of four bytes, three are colours."""
        return (2, 2, self.size, self.size, 4)

    @property
    def weights_shape(self) -> tuple[int, ...]:
        """How much the lower row counts for each row, and the right column for each column."""
        return (2, self.size)

    def pick(self, image: Array, pixels: Array, weights: Array) -> None:
        """Write the pixels that the crop of uint8 [height, width, 3] needs, and their weights, into the two arrays."""
        indices, weights[...] = _neighbours(image.shape[0], image.shape[1], self.size)
        words = _words(image)
        if words is not None:
            # With "clip" NumPy writes into `out` at once; all indices are within the image.
            words.take(indices, out=pixels.reshape(-1).view(WORD), mode="clip")
        else:
            picked = np.ascontiguousarray(image).reshape(-1).view(PIXEL).take(indices, mode="clip")
            pixels.reshape(-1)[:] = _with_fourth_byte(picked.view(np.uint8))

    def sources(self, height: int, width: int) -> tuple[Array, Array, Array]:
        """(rows [2, size], columns [2, size], weights [2, size]) of the pixels, for pictures of that shape."""
        return _sources(height, width, self.size)

    def blend(self, pixels: Any, weights: Any) -> Any:
        """The crops, float32 [n, size, size, 3], out of float32 arrays of any library."""
        down, across = weights[:, 0, None, :, None, None], weights[:, 1, None, :, None]
        upper, lower = pixels[:, 0], pixels[:, 1]
        rows = upper + down * (lower - upper)
        left, right = rows[:, 0], rows[:, 1]
        return left + across * (right - left)

    def antialiased(self) -> Resized:
        return Resized(self.size, "bilinear", shorter=None)


@dataclass(frozen=True)
class Resized:
    """The same crop by one of Pillow's filters, which is as wide as the scaling needs it; whole numbers.

    `shorter`: scale so that the shorter side has that many pixels and cut the middle as torchvision does (Resize and
    CenterCrop of a Pillow image); "ignored": both sides become `size`; None: cut as `Neighbours` does.
    """

    size: int
    filter: Literal["bilinear", "bicubic"]
    shorter: int | Literal["ignored"] | None

    @property
    def pixels_shape(self) -> tuple[int, ...]:
        return (self.size, self.size, 3)

    @property
    def weights_shape(self) -> tuple[int, ...]:
        return (0,)

    def pick(self, image: Array, pixels: Array, weights: Array) -> None:
        """Write the scaled crop of uint8 [height, width, 3] into `pixels`; there are no weights."""
        from PIL import Image

        height, width, _ = image.shape
        (left, right), (top, bottom) = (self._ends(length, min(height, width)) for length in (width, height))
        whole = Image.fromarray(np.ascontiguousarray(image))
        chosen = Image.Resampling[self.filter.upper()]
        pixels[...] = np.asarray(whole.resize((self.size, self.size), chosen, box=(left, top, right, bottom)))

    def blend(self, pixels: Any, weights: Any) -> Any:
        return pixels

    def antialiased(self) -> Resized:
        return self

    def _ends(self, length: int, shorter_side: int) -> tuple[float, float]:
        """Where the crop begins and ends on a side of that length."""
        if self.shorter == "ignored":
            return 0.0, float(length)
        if self.shorter is None:
            scaled = round(_factor(self.size, shorter_side) * length)
            first = int((scaled - self.size) / 2)
            return first * length / scaled, (first + self.size) * length / scaled
        scaled = int(self.shorter * length / shorter_side)
        first = round((scaled - self.size) / 2)
        return first * length / scaled, min((first + self.size) * length / scaled, length)


def _with_fourth_byte(colours: Array) -> Array:
    """Red, green, blue, and 255 for each pixel of uint8 [3 n]; Pillow needs a fifth of NumPy's time for it."""
    from PIL import Image

    picture = Image.frombuffer("RGB", (len(colours) // 3, 1), colours, "raw", "RGB", 0, 1)
    return np.frombuffer(picture.tobytes("raw", "RGBX"), np.uint8)


def _words(image: Array) -> Array | None:
    """The pixels [height * width] of a view of RGB and a fourth byte, not copied; None for any other image."""
    height, width, _ = image.shape
    memory = image.base
    if image.strides != (4 * width, 4, 1) or not isinstance(memory, np.ndarray) or not memory.flags.c_contiguous:
        return None
    start = image.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    if start + 4 * height * width > memory.nbytes:  # the last pixel has no fourth byte
        return None
    return np.ndarray(height * width, WORD, memory, start)


def _factor(size: int, shorter_side: int) -> float:
    return size / shorter_side + 0.0001


@lru_cache(maxsize=32)
def _neighbours(height: int, width: int, size: int) -> tuple[Array, Array]:
    """(numbers of the pixels as in `pixels_shape`, weights [2, size]) for photographs of that shape."""
    rows, columns, weights = _sources(height, width, size)
    indices = rows[:, None, :, None] * width + columns[None, :, None, :]
    return indices.reshape(-1), weights


def _sources(height: int, width: int, size: int) -> tuple[Array, Array, Array]:
    factor = _factor(size, min(height, width))
    rows, down = _source_of_crop(height, round(factor * height), size)
    columns, across = _source_of_crop(width, round(factor * width), size)
    return rows, columns, np.stack([down, across])


def _source_of_crop(length: int, scaled: int, size: int) -> tuple[Array, Array]:
    """The two neighbours [2, size] of each of the middle pixels of a scaled side, and the second one's weight."""
    first = int((scaled - size) / 2)
    at = (np.arange(first, first + size) + 0.5) * (length / scaled) - 0.5
    at = np.clip(at, 0, length - 1)
    before = np.floor(at).astype(np.intp)
    return np.stack([before, np.minimum(before + 1, length - 1)]), (at - before).astype(np.float32)
