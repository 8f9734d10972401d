"""What the extraction knows of an image network, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Backbone:
    """An image network up to one layer.

    `weight_shapes` has each variable as `<layer>/<variable>` in the order in which weight files keep them;
    `npy_names` is what a layer is called in caffe-converted `.npy` files.
    """

    name: str
    layer: str
    size: int
    """Height and width of the input in pixels; it is float32 [N, size, size, 3]."""
    feature_length: int
    preprocessing: str
    """Name of what `preprocess` does; it changes whenever its result changes."""
    preprocess: Callable[[Array], Array]
    """Upright RGB uint8 [height, width, 3] to float32 [size, size, 3]."""
    build: Callable[[str], keras.Model]
    """A Keras model of the given precision (`float32` or `bfloat16`), float32 [N, feature_length] out."""
    weight_shapes: Mapping[str, tuple[int, ...]]
    npy_names: Mapping[str, str]
