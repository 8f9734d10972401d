"""From a decoded photograph to the network's input, as the reference does it (Suel et al. 2019, their image code).

Bilinear at half-pixel centres and without anti-aliasing, like scikit-image's `rescale` in 2017 and OpenCV's
INTER_LINEAR. Only the pixels of the crop are computed: a picture of 1 x 50,000 pixels costs no more than another.
"""

from __future__ import annotations

import numpy as np

from streetdeciles.backbones.backbone import Array

BGR_MEANS = np.array([103.939, 116.779, 123.68], dtype=np.float32)
"""Mean blue, green and red of ImageNet, 0 to 255 (Simonyan & Zisserman 2014)."""


def scaled_centre_crop(image: Array, size: int) -> Array:
    """Scale uint8 [height, width, C] by its shorter side and cut the middle: float32 [size, size, C], 0 to 255."""
    height, width = image.shape[:2]
    factor = size / min(height, width) + 0.0001
    rows = _source_of_crop(height, round(factor * height), size)
    columns = _source_of_crop(width, round(factor * width), size)
    (top, bottom, down), (left, right, across) = rows, columns
    seen = slice(int(left[0]), int(right[-1]) + 1)
    by_rows = _blend(image[top, seen], image[bottom, seen], down[:, None, None])
    left, right = left - seen.start, right - seen.start
    return _blend(by_rows[:, left], by_rows[:, right], across[None, :, None])


def bgr_minus_means(image: Array, size: int) -> Array:
    """VGG's input: `scaled_centre_crop`, colours in the order blue, green, red, minus their means over ImageNet."""
    bgr = scaled_centre_crop(image, size)[:, :, ::-1]
    return np.subtract(bgr, BGR_MEANS, order="C")


def _source_of_crop(length: int, scaled: int, size: int) -> tuple[Array, Array, Array]:
    """Of each of the `size` middle pixels of a scaled side: its two neighbours, and the second one's weight."""
    first = int((scaled - size) / 2)
    at = (np.arange(first, first + size) + 0.5) * (length / scaled) - 0.5
    at = np.clip(at, 0, length - 1)
    before = np.floor(at).astype(np.intp)
    after = np.minimum(before + 1, length - 1)
    return before, after, (at - before).astype(np.float32)


def _blend(before: Array, after: Array, weight: Array) -> Array:
    blended = before.astype(np.float32)
    difference = after.astype(np.float32)
    difference -= blended
    difference *= weight
    blended += difference
    return blended
