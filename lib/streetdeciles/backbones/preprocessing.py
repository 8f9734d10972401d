"""From a decoded photograph to the backbone's input, as in the reference (Suel et al. 2019, their image code).

Bilinear at half-pixel centres and without anti-aliasing, like scikit-image's `rescale` in 2017 and OpenCV's
INTER_LINEAR. Only the pixels of the crop are computed, so a picture of 1 x 50,000 pixels costs no more than others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streetdeciles.backbones.backbone import Array

BGR_MEANS = np.array([103.939, 116.779, 123.68], dtype=np.float32)
"""ImageNet's mean blue, green and red, 0 to 255 (Simonyan & Zisserman 2014)."""


def scaled_centre_crop(
    image: Array, size: int, channels: Sequence[int] = (0, 1, 2), *, antialias: bool = False
) -> Array:
    """Scale uint8 [height, width, C] by its shorter side, cut out the middle: float32 [size, size, channels], 0 to 255.

    With `antialias`, when a picture is made smaller, each pixel is a weighted mean of all that it covers, rounded.
    """
    if antialias:
        return np.ascontiguousarray(_averaged_centre_crop(image, size)[:, :, list(channels)], dtype=np.float32)
    height, width, n_channels = image.shape
    factor = size / min(height, width) + 0.0001
    top, bottom, down = _source_of_crop(height, round(factor * height), size)
    left, right, across = _source_of_crop(width, round(factor * width), size)
    first, end = int(left[0]), int(right[-1]) + 1
    rows = _blend(image[top, first:end], image[bottom, first:end], down[:, None, None]).reshape(size, -1)
    # Pixels and channels as one axis: NumPy is slow if the last axis has only three elements.
    before, after = (
        ((columns - first)[:, None] * n_channels + np.array(channels)).ravel() for columns in (left, right)
    )
    crop = _blend(rows.take(before, axis=1), rows.take(after, axis=1), np.repeat(across, len(channels)))
    return crop.reshape(size, size, len(channels))


def _averaged_centre_crop(image: Array, size: int) -> Array:
    """The same crop by Pillow's bilinear filter, whose width depends on the scale: uint8 [size, size, 3]."""
    from PIL import Image

    height, width, _ = image.shape
    factor = size / min(height, width) + 0.0001
    ends = []
    for length in (width, height):
        scaled = round(factor * length)
        first = int((scaled - size) / 2)
        ends.append((first * length / scaled, (first + size) * length / scaled))
    (left, right), (top, bottom) = ends
    whole = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(whole.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, right, bottom)))


def bgr_minus_means(image: Array, size: int, *, antialias: bool = False) -> Array:
    """VGG's input: `scaled_centre_crop` in the order blue, green, red, minus ImageNet's means."""
    crop = scaled_centre_crop(image, size, channels=(2, 1, 0), antialias=antialias)
    crop.reshape(size, -1)[:] -= np.tile(BGR_MEANS, size)
    return crop


def normalised(
    image: Array,
    size: int,
    *,
    shorter: int | None,
    means: Sequence[float],
    deviations: Sequence[float],
    antialias: bool = True,
) -> Array:
    """RGB from 0 to 1, minus `means`, divided by `deviations`: float32 [size, size, 3].

    Scaled so that the shorter side has `shorter` pixels, then the middle is cut out; with None, both sides become
    `size`. Positions are rounded like torchvision's (Resize and CenterCrop of a Pillow image). Pillow's bicubic filter
    always smooths, so `antialias` makes no difference.
    """
    from PIL import Image

    height, width, _ = image.shape
    ends = [(0.0, float(width)), (0.0, float(height))]
    if shorter is not None:
        for i, length in enumerate((width, height)):
            scaled = int(shorter * length / min(height, width))
            first = round((scaled - size) / 2)
            ends[i] = (first * length / scaled, min((first + size) * length / scaled, length))
    (left, right), (top, bottom) = ends
    whole = Image.fromarray(np.ascontiguousarray(image))
    cut = whole.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, right, bottom))
    pixels = np.asarray(cut, dtype=np.float32) / np.float32(255)
    result: Array = (pixels - np.array(means, dtype=np.float32)) / np.array(deviations, dtype=np.float32)
    return result


def _source_of_crop(length: int, scaled: int, size: int) -> tuple[Array, Array, Array]:
    """For each of the `size` middle pixels of a scaled side: its two source pixels, and the weight of the second."""
    first = int((scaled - size) / 2)
    position = (np.arange(first, first + size) + 0.5) * (length / scaled) - 0.5
    position = np.clip(position, 0, length - 1)
    before = np.floor(position).astype(np.intp)
    after = np.minimum(before + 1, length - 1)
    return before, after, (position - before).astype(np.float32)


def _blend(before: Array, after: Array, weight: Array) -> Array:
    """before + weight * (after - before), in float32."""
    exact = np.int16 if before.dtype == np.uint8 else np.float32
    blended = np.multiply(np.subtract(after, before, dtype=exact), weight, dtype=np.float32)
    blended += before
    return blended
