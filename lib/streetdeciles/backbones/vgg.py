"""VGG16 and VGG19 up to any of their layers (Simonyan & Zisserman 2014, arXiv 1409.1556, configurations D and E).

Their layers are named as in `keras.applications`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from streetdeciles.backbones.backbone import Backbone, layer_unknown
from streetdeciles.backbones.preprocessing import bgr_minus_means

if TYPE_CHECKING:
    import keras

SIZE = 224
FILTERS = (64, 128, 256, 512, 512)
"""Filters of the convolutions in each block; a 2 x 2 maximum follows each block."""
DENSE = (("fc1", 4096, "relu"), ("fc2", 4096, "relu"), ("predictions", 1000, "softmax"))
NPY_NAMES = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}
KERAS_FILES = "https://storage.googleapis.com/tensorflow/keras-applications"


class Layer(NamedTuple):
    name: str
    kind: str
    units: int
    """Filters of a convolution, units of a dense layer; else 0."""
    activation: str


def vgg(
    name: str,
    convolutions: Sequence[int],
    imagenet: tuple[str, str],
    *,
    layer: str | None = None,
    activation: bool = False,
) -> Backbone:
    """The network with so many `convolutions` in each block, up to `layer` (fc1), with or without its `activation`.

    `imagenet`: name and MD5 of Keras' file.
    """
    layers = _layers(convolutions)
    names = [one.name for one in layers]
    last = layer or "fc1"
    if last not in names:
        raise layer_unknown(last, names, name)
    layers = layers[: names.index(last) + 1]
    has_activation = bool(layers[-1].activation)
    if has_activation and not activation:
        layers[-1] = layers[-1]._replace(activation="linear")
    shapes, length = _shapes(layers)
    if has_activation and not activation:
        # Features made before other layers could be chosen carry this one's first name.
        label = "fc6 before ReLU" if last == "fc1" else f"{last} before its activation"
    else:
        label = last
    return Backbone(
        name=name,
        layer=label,
        size=SIZE,
        feature_length=length,
        preprocessing="bgr minus means, 224, bilinear without anti-aliasing, 1",
        preprocess=partial(bgr_minus_means, size=SIZE),
        build=partial(build_vgg, name=name, layers_of_it=tuple(layers)),
        weight_shapes=shapes,
        npy_names={one.name: _npy_name(one.name) for one in layers if one.units},
        imagenet=(f"{KERAS_FILES}/{name}/{imagenet[0]}", imagenet[1]),
    )


def build_vgg(precision: str, *, name: str, layers_of_it: Sequence[Layer]) -> keras.Model:
    """The network with zero weights: float32 [N, 224, 224, 3] in, float32 [N, features] out.

    In `bfloat16` the weights are held in bfloat16 too: half the memory, and no cast in every step.
    """
    from keras import Input, Model, layers

    x = images = Input((SIZE, SIZE, 3), dtype="float32")
    for layer in layers_of_it:
        if layer.kind == "convolution":
            x = layers.Conv2D(
                layer.units,
                3,
                padding="same",
                activation=layer.activation,
                kernel_initializer="zeros",
                dtype=precision,
                name=layer.name,
            )(x)
        elif layer.kind == "maximum":
            x = layers.MaxPooling2D(2, dtype=precision, name=layer.name)(x)
        elif layer.kind == "flatten":
            x = layers.Flatten(dtype=precision, name=layer.name)(x)
        else:
            x = layers.Dense(
                layer.units,
                activation=layer.activation,
                kernel_initializer="zeros",
                dtype=precision,
                name=layer.name,
            )(x)
    if len(x.shape) > 2:
        x = layers.Flatten(dtype=precision, name="flat_features")(x)
    features = layers.Activation("linear", dtype="float32", name="features")(x)
    return Model(images, features, name=name)


def _layers(convolutions: Sequence[int]) -> list[Layer]:
    made: list[Layer] = []
    for block, (n, filters) in enumerate(zip(convolutions, FILTERS, strict=True), start=1):
        made += [Layer(f"block{block}_conv{i}", "convolution", filters, "relu") for i in range(1, n + 1)]
        made.append(Layer(f"block{block}_pool", "maximum", 0, ""))
    made.append(Layer("flatten", "flatten", 0, ""))
    return made + [Layer(name, "dense", units, activation) for name, units, activation in DENSE]


def _npy_name(layer: str) -> str:
    """`block3_conv2` is conv3_2 there."""
    return NPY_NAMES.get(layer, layer.replace("block", "conv").replace("_conv", "_"))


def _shapes(layers: Sequence[Layer]) -> tuple[dict[str, tuple[int, ...]], int]:
    """(of each variable, length of the flattened output)."""
    shapes: dict[str, tuple[int, ...]] = {}
    side, channels = SIZE, 3
    for layer in layers:
        if layer.kind == "convolution":
            shapes[f"{layer.name}/kernel"] = (3, 3, channels, layer.units)
        elif layer.kind == "dense":
            shapes[f"{layer.name}/kernel"] = (side * side * channels, layer.units)
            side = 1
        elif layer.kind == "maximum":
            side //= 2
        if layer.units:
            shapes[f"{layer.name}/bias"] = (layer.units,)
            channels = layer.units
    return shapes, side * side * channels
