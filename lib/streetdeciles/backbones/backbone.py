"""What the extraction knows of an image network, whichever it is."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from streetdeciles.errors import RunRefused

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
    preprocess: Callable[..., Array]
    """Upright RGB uint8 [height, width, 3] to float32 [size, size, 3]; with `antialias=True` as `antialiased` says."""
    build: Callable[[str], keras.Model]
    """A Keras model of the given precision (`float32` or `bfloat16`), float32 [N, feature_length] out."""
    weight_shapes: Mapping[str, tuple[int, ...]]
    npy_names: Mapping[str, str]
    """Empty: there are no such files of it."""
    imagenet: tuple[str, str] | None = None
    """URL and MD5 of Keras' file of its ImageNet weights."""
    make: Callable[..., keras.Model] | None = None
    """Where there is no such file: makes the whole network, with Keras' own download for `weights="imagenet"`."""
    load: Callable[[str], keras.Model] | None = None
    """Where only the network's own library can read its weights: the network with those of a file or folder."""
    architecture: str = ""
    """Config of a saved model, as JSON, from which others make it again; empty for those that have a name."""

    def antialiased(self) -> Backbone:
        """The same network, whose photographs are scaled with anti-aliasing."""
        return replace(
            self,
            preprocessing=self.preprocessing.replace("without anti-aliasing", "with anti-aliasing"),
            preprocess=partial(self.preprocess, antialias=True),
        )


def layer_unknown(layer: str, names: Sequence[str], backbone: str) -> RunRefused:
    """The error for a layer that the backbone does not have."""
    near = difflib.get_close_matches(layer, names, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return RunRefused(
        f"features.layer: {backbone} has no layer {layer!r}; {hint}"
        f"its {len(names)} layers end in {', '.join(names[-8:])}"
    )
