"""VGG16 up to fc6 before its ReLU (Simonyan & Zisserman 2014, arXiv 1409.1556, configuration D)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.backbones.backbone import Backbone
from streetdeciles.backbones.preprocessing import bgr_minus_means

if TYPE_CHECKING:
    import keras

SIZE = 224
FEATURE_LENGTH = 4096
BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and filters of each block; a 2 x 2 maximum follows each block."""


def build_vgg16(precision: str) -> keras.Model:
    """The network with zero weights: float32 [N, 224, 224, 3] in, float32 [N, 4096] out.

    In `bfloat16` the weights are held in bfloat16 too: half the memory, and no cast in every step.
    """
    from keras import Input, Model, layers

    x = images = Input((SIZE, SIZE, 3), dtype="float32")
    for block, (convolutions, filters) in enumerate(BLOCKS, start=1):
        for convolution in range(1, convolutions + 1):
            x = layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="zeros",
                dtype=precision,
                name=f"block{block}_conv{convolution}",
            )(x)
        x = layers.MaxPooling2D(2, dtype=precision, name=f"block{block}_pool")(x)
    x = layers.Flatten(dtype=precision, name="flatten")(x)
    x = layers.Dense(FEATURE_LENGTH, kernel_initializer="zeros", dtype=precision, name="fc1")(x)
    features = layers.Activation("linear", dtype="float32", name="features")(x)
    return Model(images, features, name="vgg16")


def _weight_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for block, (convolutions, filters) in enumerate(BLOCKS, start=1):
        for convolution in range(1, convolutions + 1):
            shapes[f"block{block}_conv{convolution}/kernel"] = (3, 3, channels, filters)
            shapes[f"block{block}_conv{convolution}/bias"] = (filters,)
            channels = filters
    shapes["fc1/kernel"] = (7 * 7 * channels, FEATURE_LENGTH)
    shapes["fc1/bias"] = (FEATURE_LENGTH,)
    return shapes


def _npy_names() -> dict[str, str]:
    names = {f"block{b}_conv{c}": f"conv{b}_{c}" for b, (n, _) in enumerate(BLOCKS, start=1) for c in range(1, n + 1)}
    return {**names, "fc1": "fc6"}


VGG16 = Backbone(
    name="vgg16",
    layer="fc6 before ReLU",
    size=SIZE,
    feature_length=FEATURE_LENGTH,
    preprocessing="bgr minus means, 224, bilinear without anti-aliasing, 1",
    preprocess=partial(bgr_minus_means, size=SIZE),
    build=build_vgg16,
    weight_shapes=_weight_shapes(),
    npy_names=_npy_names(),
)
