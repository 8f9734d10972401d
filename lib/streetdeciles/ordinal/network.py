"""The network of one outcome and fold: layers that all views share, their mean, location layers, one score.

It has two variants. `batch_norm` normalises after each dense layer. `plain` does not: it first maps the features by
(x + 5) / 8, and its dense layers have a bias.

It consists of Keras' built-in layers only, so a saved model loads without this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt

BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-3
PLAIN_SCALE, PLAIN_OFFSET = 1 / 8, 5 / 8
"""(x + 5) / 8 maps VGG16's fc6 features to about -1 .. 1."""

Weights = list[npt.NDArray[np.float32]]
"""A network's arrays in the order of `get_weights()`, which is the order of its layers."""


@dataclass(frozen=True)
class NetworkShape:
    """What determines the layers of a network.

    `noise` is the standard deviation of the noise that training adds to the features, in their units: before `plain`
    maps them.
    """

    views: int
    features: int
    view_units: tuple[int, ...]
    location_units: tuple[int, ...]
    noise: float
    variant: Literal["batch_norm", "plain"] = "batch_norm"

    @property
    def normalised(self) -> bool:
        return self.variant == "batch_norm"


def location_network(shape: NetworkShape) -> keras.Model:
    """The network, with weights as Keras draws them; a training starts from `initial_weights` instead.

    Inputs: features float32 [batch, views, features] and view_mask bool [batch, views], False for a missing photograph;
    each location must have at least one view. Output: score [batch, 1], float32.

    A layer before a batch normalisation has no bias, because the normalisation would subtract it again.
    """
    layers = keras.layers
    features = keras.Input((shape.views, shape.features), name="features")
    view_mask = keras.Input((shape.views,), dtype="bool", name="view_mask")
    hidden = layers.GaussianNoise(shape.noise, name="noise")(features) if shape.noise else features
    if not shape.normalised:
        hidden = layers.Rescaling(PLAIN_SCALE, PLAIN_OFFSET, name="scaled")(hidden)
    for i, units in enumerate(shape.view_units, start=1):
        hidden = _dense(shape, units, f"view_{i}")(hidden)
        if shape.normalised:
            hidden = _batch_norm(f"view_norm_{i}")(hidden, mask=view_mask)
        hidden = layers.ReLU(name=f"view_relu_{i}")(hidden)
    hidden = layers.GlobalAveragePooling1D(name="mean_of_views")(hidden, mask=view_mask)
    for i, units in enumerate(shape.location_units, start=1):
        hidden = _dense(shape, units, f"location_{i}")(hidden)
        if shape.normalised:
            hidden = _batch_norm(f"location_norm_{i}")(hidden)
        hidden = layers.ReLU(name=f"location_relu_{i}")(hidden)
    score = layers.Dense(1, kernel_initializer="glorot_normal", dtype="float32", name="score")(hidden)
    return keras.Model({"features": features, "view_mask": view_mask}, score, name="location_network")


def shape_of(network: keras.Model) -> NetworkShape:
    """The shape of a network that `location_network` built, e.g. one that was loaded from a file."""
    by_kind: dict[str, list[int]] = {"view": [], "location": []}
    noise = 0.0
    for layer in network.layers:
        kind = layer.name.rsplit("_", 1)[0]
        if kind in by_kind and isinstance(layer, keras.layers.Dense):
            by_kind[kind].append(int(layer.units))
        elif layer.name == "noise":
            noise = float(layer.stddev)
    _, views, features = network.get_layer("features").batch_shape
    normalised = any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
    variant: Literal["batch_norm", "plain"] = "batch_norm" if normalised else "plain"
    return NetworkShape(views, features, tuple(by_kind["view"]), tuple(by_kind["location"]), noise, variant)


def initial_weights(network: keras.Model, rng: np.random.Generator) -> Weights:
    """Initial weights for `network`: Xavier-normal kernels, everything else as in an untrained Keras network.

    Drawn by NumPy, so that a seed gives the same weights on every Keras backend.
    """
    return [
        xavier_normal(variable.shape, rng) if variable.name == "kernel" else np.asarray(value, dtype=np.float32)
        for variable, value in zip(network.weights, network.get_weights(), strict=True)
    ]


def xavier_normal(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A kernel [in, out] drawn from N(0, 2 / (fan_in + fan_out))."""
    return rng.normal(0.0, np.sqrt(2.0 / sum(shape)), shape).astype(np.float32)


def _dense(shape: NetworkShape, units: int, name: str) -> Any:
    return keras.layers.Dense(units, use_bias=not shape.normalised, kernel_initializer="glorot_normal", name=name)


def _batch_norm(name: str) -> Any:
    return keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=name)
