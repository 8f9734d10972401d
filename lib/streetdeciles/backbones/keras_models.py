"""A backbone out of any Keras model: built in a precision, and cut after a layer.

The shapes of its weights are known only once it is built, so whoever asks for one starts Keras.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from streetdeciles.backbone_sources import WeightSource
from streetdeciles.backbones.backbone import Array, Backbone, Shapes, layer_unknown
from streetdeciles.backbones.preprocessing import Preprocessing
from streetdeciles.backbones.variables import named_variables
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import keras

RGB = "rgb 0 to 255, {size}, bilinear without anti-aliasing, 1"
"""For models that contain the rest of their preprocessing."""


class WholeModel(NamedTuple):
    """A model before it is cut."""

    name: str
    make: Callable[[str], keras.Model]
    """The whole model in a precision."""
    preprocessing: str
    """The name of what `preprocess` does, with `{size}` for the size of the model's input."""
    preprocess: Callable[[int], Preprocessing]
    stored_weights: Callable[[WeightSource, Shapes], Iterator[tuple[str, Array]]]
    """As that of a Backbone."""

    def up_to(self, layer: str | None, *, activation: bool) -> Backbone:
        """The backbone whose features are the output of `layer` (None: of the last one)."""
        # On a GPU, this process must leave memory for the workers' processes.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import keras

        with keras.device("cpu"):
            whole = self.make("float32")
            size = _input_size(whole, self.name)
            last = layer or whole.layers[-1].name
            bare = not activation and _has_activation(_layer_of(whole, last, self.name))
            model = _cut(whole, last, self.name, activation=activation)
        return Backbone(
            name=self.name,
            layer=f"{last} before its activation" if bare else last,
            size=size,
            feature_length=model.output_shape[1],
            preprocessing=self.preprocessing.format(size=size),
            preprocess=self.preprocess(size),
            build=partial(_build, make=self.make, layer=last, name=self.name, activation=activation),
            weight_shapes={name: tuple(variable.shape) for name, variable in named_variables(model).items()},
            stored_weights=self.stored_weights,
        )


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made here compute in `precision`; their weights stay in float32."""
    import keras

    before = keras.config.dtype_policy()
    # The variances of batch normalisation need float32.
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _build(precision: str, *, make: Callable[[str], keras.Model], layer: str, name: str, activation: bool) -> Any:
    return _cut(make(precision), layer, name, activation=activation)


def _cut(model: keras.Model, layer: str, name: str, *, activation: bool) -> keras.Model:
    """float32 [N, size, size, 3] in, float32 [N, features] out; an output of more dimensions is flattened."""
    from keras import Model, activations, layers

    last = _layer_of(model, layer, name)
    if not activation and _has_activation(last):
        last.activation = activations.linear
    features = last.output
    if not hasattr(features, "shape"):
        raise RunRefused(f"features.layer: {layer} of {name} has several outputs; take a layer before or after it")
    if len(features.shape) > 2:
        features = layers.Flatten(name="flat_features")(features)
    features = layers.Activation("linear", dtype="float32", name="features")(features)
    cut = Model(model.inputs[0], features, name="up_to_layer")
    if len(cut.output_shape) != 2 or None in cut.output_shape[1:]:
        raise RunRefused(f"features.layer: {layer} of {name} gives {last.output.shape}, no features of one length")
    return cut


def _layer_of(model: keras.Model, layer: str, name: str) -> Any:
    names = [known.name for known in model.layers]
    if layer not in names:
        raise layer_unknown(layer, names, name)
    return model.get_layer(layer)


def _has_activation(layer: Any) -> bool:
    """Whether the layer applies an activation after its own computation; an Activation layer does nothing else."""
    from keras import activations

    if not type(layer).__module__.startswith("keras."):
        return False  # a block of several layers; its `activation` is somewhere within
    return bool(layer.weights) and getattr(layer, "activation", activations.linear) is not activations.linear


def _input_size(model: keras.Model, name: str) -> int:
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise RunRefused(
            f"features.backbone: {name} takes {shape}; expected one input of [photographs, size, size, 3] with a size "
            "that is fixed; build the model with such an Input and save it again"
        )
    return int(shape[1])
