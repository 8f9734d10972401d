"""From a decoded photograph to a network's input: the decoder's threads pick pixels, and the device does the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.sampling import Neighbours, Resized

BGR_MEANS = (103.939, 116.779, 123.68)
"""Mean blue, green and red of ImageNet, 0 to 255 (Simonyan & Zisserman 2014)."""


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a photograph before an image network sees it.

    Colours are (value / divisor - means) / deviations, in the order blue, green, red for `bgr`.
    """

    sampling: Neighbours | Resized
    bgr: bool = False
    divisor: float = 1.0
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Height and width of the network's input in pixels."""
        return self.sampling.size

    def __call__(self, image: Array) -> Array:
        """Upright RGB uint8 [height, width, 3] to float32 [size, size, 3], for one photograph on this machine's CPU."""
        pixels = np.empty((1, *self.sampling.pixels_shape), dtype=np.uint8)
        weights = np.empty((1, *self.sampling.weights_shape), dtype=np.float32)
        self.sampling.pick(image, pixels[0], weights[0])
        finished: Array = self.images(pixels, weights)[0]
        return finished

    def images(self, pixels: Array, weights: Array) -> Array:
        """`finish` in NumPy, for uint8 pixels."""
        return np.ascontiguousarray(self.finish(pixels[..., :3].astype(np.float32), weights, np.flip))

    def finish(self, pixels: Any, weights: Any, flip: Callable[[Any, int], Any]) -> Any:
        """The network's input, float32 [n, size, size, 3], out of what `sampling.pick` has written.

        Args:
            pixels: float32 [n, *sampling.pixels_shape[:-1], 3], an array of any library.
            weights: float32 [n, *sampling.weights_shape], of the same library.
            flip: the library's function that reverses an axis.
        """
        images = self.sampling.blend(pixels, weights)
        if self.bgr:
            images = flip(images, -1)
        if self.divisor != 1:
            images = images / np.float32(self.divisor)
        if self.means:
            images = images - np.array(self.means, dtype=np.float32)
        return images / np.array(self.deviations, dtype=np.float32) if self.deviations else images

    def antialiased(self) -> Preprocessing:
        """The same with anti-aliasing: each pixel of a smaller picture is a mean of all that it covers."""
        return replace(self, sampling=self.sampling.antialiased())


def scaled_centre_crop(size: int) -> Preprocessing:
    """The middle of the photograph, scaled by its shorter side: red, green and blue from 0 to 255."""
    return Preprocessing(Neighbours(size))


def bgr_minus_means(size: int) -> Preprocessing:
    """VGG's: `scaled_centre_crop`, colours in the order blue, green, red, minus their means over ImageNet."""
    return Preprocessing(Neighbours(size), bgr=True, means=BGR_MEANS)


def normalised(size: int, *, shorter: int | None, means: Sequence[float], deviations: Sequence[float]) -> Preprocessing:
    """Red, green and blue from 0 to 1, minus `means`, over `deviations`; by Pillow's bicubic filter, which smooths.

    Scaled so that the shorter side has `shorter` pixels, of which the middle is cut; None: both sides become `size`,
    whatever the photograph's shape.
    """
    sampling = Resized(size, "bicubic", shorter=shorter or "ignored")
    return Preprocessing(sampling, divisor=255, means=tuple(means), deviations=tuple(deviations))
