"""What the extraction knows of a backbone, whichever it is."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from streetdeciles.backbone_sources import WeightSource
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import keras

    from streetdeciles.backbones.preprocessing import Preprocessing

Array = npt.NDArray[Any]
Shapes = Mapping[str, tuple[int, ...]]
"""`<layer>/<variable>` -> shape, in the order in which weight files keep the variables."""


@dataclass(frozen=True)
class Backbone:
    """A pre-trained image network up to one layer."""

    name: str
    layer: str
    size: int
    """Height and width of the input in pixels; it is float32 [N, size, size, 3]."""
    feature_length: int
    preprocessing: str
    """Name of what `preprocess` does; it changes whenever its result changes."""
    preprocess: Preprocessing
    """Upright RGB uint8 [height, width, 3] to float32 [size, size, 3]."""
    build: Callable[[str], keras.Model]
    """A Keras model of the given precision (`float32` or `bfloat16`), float32 [N, feature_length] out."""
    weight_shapes: Shapes
    stored_weights: Callable[[WeightSource, Shapes], Iterator[tuple[str, Array]]]
    """Each variable of these shapes from a download, file or folder, checked; RunRefused if one is not there."""

    def antialiased(self) -> Backbone:
        """The same backbone, whose photographs are scaled with anti-aliasing."""
        return replace(
            self,
            preprocessing=self.preprocessing.replace("without anti-aliasing", "with anti-aliasing"),
            preprocess=self.preprocess.antialiased(),
        )


class Family(Protocol):
    """A backbone before a layer is chosen; each module of a family has a class for its own."""

    @property
    def name(self) -> str: ...

    def backbone(self, *, layer: str | None = None, activation: bool = False) -> Backbone:
        """The backbone up to `layer` (None: the one it is known for), with or without that layer's own activation."""

    def check_weights(self, source: WeightSource, *, layer: str | None = None) -> None:
        """RunRefused if `source` cannot hold its weights; reads no numbers and starts no framework."""


def layer_unknown(layer: str, names: Sequence[str], backbone: str) -> RunRefused:
    """The error for a layer that the backbone does not have."""
    near = difflib.get_close_matches(layer, names, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return RunRefused(
        f"features.layer: {backbone} has no layer {layer!r}; {hint}"
        f"its {len(names)} layers end in {', '.join(names[-8:])}"
    )
