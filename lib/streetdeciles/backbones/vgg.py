"""VGG16 and VGG19 up to any of their layers (Simonyan & Zisserman 2014, arXiv 1409.1556, configurations D and E).

The layers have the names of `keras.applications`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from streetdeciles.backbone_sources import CaffeWeights, ImageNet, KerasModel, KerasWeights, WeightSource
from streetdeciles.backbones.backbone import Array, Backbone, Shapes, layer_unknown
from streetdeciles.backbones.imagenet import KERAS_FILES, check_available, download
from streetdeciles.backbones.preprocessing import bgr_minus_means
from streetdeciles.backbones.weight_files import check_file, no_such_weights, read_file

if TYPE_CHECKING:
    import keras

SIZE = 224
FILTERS = (64, 128, 256, 512, 512)
"""Number of filters of the convolutions in each block; a 2 x 2 maximum follows each block."""
DENSE = (("fc1", 4096, "relu"), ("fc2", 4096, "relu"), ("predictions", 1000, "softmax"))
NPY_NAMES = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}


class Layer(NamedTuple):
    name: str
    kind: str
    units: int
    """Number of a convolution's filters or a dense layer's units, else 0."""
    activation: str


@dataclass(frozen=True)
class Vgg:
    """A configuration of the paper."""

    name: str
    convolutions: tuple[int, ...]
    """Number of convolutions in each block."""
    md5: str
    """MD5 of Keras' file of its ImageNet weights."""

    @property
    def url(self) -> str:
        return f"{KERAS_FILES}/{self.name}/{self.name}_weights_tf_dim_ordering_tf_kernels.h5"

    def backbone(self, *, layer: str | None = None, activation: bool = False) -> Backbone:
        layers = _layers(self.convolutions)
        names = [known.name for known in layers]
        last = layer or "fc1"
        if last not in names:
            raise layer_unknown(last, names, self.name)
        layers = layers[: names.index(last) + 1]
        label = last
        if layers[-1].activation and not activation:
            layers[-1] = layers[-1]._replace(activation="linear")
            # Features made before other layers could be chosen carry the first name of fc1.
            label = "fc6 before ReLU" if last == "fc1" else f"{last} before its activation"
        shapes, length = _shapes(layers)
        return Backbone(
            name=self.name,
            layer=label,
            size=SIZE,
            feature_length=length,
            preprocessing="bgr minus means, 224, bilinear without anti-aliasing, 1",
            preprocess=bgr_minus_means(SIZE),
            build=partial(build_vgg, name=self.name, layers_of_it=tuple(layers)),
            weight_shapes=shapes,
            stored_weights=partial(_stored_weights, self),
        )

    def check_weights(self, source: WeightSource, *, layer: str | None = None) -> None:
        shapes = self.backbone(layer=layer).weight_shapes
        match source:
            case ImageNet():
                check_available(self.url)
            case KerasWeights() | KerasModel() | CaffeWeights():
                check_file(source, self.name, shapes=shapes, npy_names=npy_names(shapes))


def _stored_weights(vgg: Vgg, source: WeightSource, shapes: Shapes) -> Iterator[tuple[str, Array]]:
    match source:
        case ImageNet():
            yield from read_file(KerasWeights(download(vgg.url, vgg.md5)), vgg.name, shapes=shapes)
        case KerasWeights() | KerasModel() | CaffeWeights():
            yield from read_file(source, vgg.name, shapes=shapes, npy_names=npy_names(shapes))
        case _:
            raise no_such_weights(source, vgg.name)


def npy_names(shapes: Shapes) -> dict[str, str]:
    """Layer -> its name in caffe-converted `.npy` files: `block3_conv2` is conv3_2 there."""
    layers = dict.fromkeys(key.split("/")[0] for key in shapes)
    return {layer: NPY_NAMES.get(layer, layer.replace("block", "conv").replace("_conv", "_")) for layer in layers}


def build_vgg(precision: str, *, name: str, layers_of_it: Sequence[Layer]) -> keras.Model:
    """The model with zero weights: float32 [N, 224, 224, 3] in, float32 [N, features] out.

    In `bfloat16` its weights are bfloat16 too: half the memory, and no cast in every step.
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
    layers: list[Layer] = []
    for block, (n, filters) in enumerate(zip(convolutions, FILTERS, strict=True), start=1):
        layers += [Layer(f"block{block}_conv{i}", "convolution", filters, "relu") for i in range(1, n + 1)]
        layers.append(Layer(f"block{block}_pool", "maximum", 0, ""))
    layers.append(Layer("flatten", "flatten", 0, ""))
    return layers + [Layer(name, "dense", units, activation) for name, units, activation in DENSE]


def _shapes(layers: Sequence[Layer]) -> tuple[dict[str, tuple[int, ...]], int]:
    """(shape of each variable, length of the flattened output)."""
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


VGG = (
    Vgg("vgg16", (2, 2, 3, 3, 3), "64373286793e3c8b2b4e3219cbf3544b"),
    Vgg("vgg19", (2, 2, 4, 4, 4), "cbe5617147190e668d6c5d5026f83318"),
)
VGG16 = VGG[0].backbone()
"""Up to fc6 before its ReLU, as in the reference."""
