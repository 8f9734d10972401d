"""Networks of `keras.applications`, and any model that Keras has saved, up to a layer by its name.

Unlike VGG's, their shapes are known only when they are built, so whoever asks for one starts Keras.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.backbones import keras_archives, keras_files
from streetdeciles.backbones.backbone import Array, Backbone, layer_unknown
from streetdeciles.backbones.preprocessing import bgr_minus_means, scaled_centre_crop
from streetdeciles.backbones.variables import named_variables
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import keras

BGR = "bgr minus means, {size}, bilinear without anti-aliasing, 1"
RGB = "rgb 0 to 255, {size}, bilinear without anti-aliasing, 1"
"""For networks that have the rest of their preprocessing within them."""


@dataclass(frozen=True)
class Application:
    """One of `keras.applications`."""

    builder: str
    """What makes it there."""
    layer: str
    """Whose output are the features, if no other is named."""
    preprocessing: str
    preprocess: Callable[..., Array]
    size: int = 224


APPLICATIONS = {
    "resnet50": Application("ResNet50", "avg_pool", BGR, bgr_minus_means),
    "efficientnetv2b0": Application("EfficientNetV2B0", "avg_pool", RGB, scaled_centre_crop),
    "convnext_tiny": Application("ConvNeXtTiny", "convnext_tiny_head_layernorm", RGB, scaled_centre_crop),
}


def application(name: str, *, layer: str | None = None, activation: bool = False) -> Backbone:
    """The application of that name, up to `layer`, with or without that layer's own `activation`."""
    known = APPLICATIONS[name]
    return up_to_layer(
        name,
        partial(_make_application, known.builder),
        layer or known.layer,
        activation=activation,
        preprocessing=known.preprocessing,
        preprocess=known.preprocess,
    )


def saved_model(path: str, *, layer: str | None = None, activation: bool = False) -> Backbone:
    """The model in the `.keras` file at `path` (or its config as JSON) up to `layer`, or its last one."""
    architecture = path if path.startswith("{") else read_config(path)
    digest = hashlib.sha256(architecture.encode()).hexdigest()[:16]
    return up_to_layer(
        f"model {digest}",
        partial(_make_saved, architecture),
        layer,
        activation=activation,
        preprocessing=RGB,
        preprocess=scaled_centre_crop,
        architecture=architecture,
    )


def model_arrays(model: keras.Model) -> dict[str, Array]:
    """All weights of a model as `<layer>/<variable>` -> float32 array."""
    import numpy as np
    from keras import ops

    return {name: np.asarray(ops.convert_to_numpy(held), np.float32) for name, held in named_variables(model).items()}


def load_saved(path: str) -> keras.Model:
    """The model of a `.keras` file with its weights; nothing but Keras' own layers is ever made of it."""
    fs, path_there = storage.filesystem(path)
    with tempfile.NamedTemporaryFile(suffix=".keras") as local:
        fs.get_file(path_there, local.name)
        return keras_files.load_model(Path(local.name), path)


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


def up_to_layer(
    name: str,
    make: Callable[..., keras.Model],
    layer: str | None,
    *,
    activation: bool,
    preprocessing: str,
    preprocess: Callable[..., Array],
    load: Callable[[str], keras.Model] | None = None,
    architecture: str = "",
) -> Backbone:
    """The backbone whose features are the output of `layer` (the last one) of what `make` makes in a precision."""
    # Beside the workers' process on a GPU this one must not take all of its memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import keras

    with keras.device("cpu"):
        whole = make("float32")
        size = _input_size(whole, name)
        last = layer or whole.layers[-1].name
        bare = not activation and _has_activation(_layer_of(whole, last, name))
        model = _up_to(whole, last, name, activation=activation)
    return Backbone(
        name=name,
        layer=f"{last} before its activation" if bare else last,
        size=size,
        feature_length=model.output_shape[1],
        preprocessing=preprocessing.format(size=size),
        preprocess=partial(preprocess, size=size),
        build=partial(_build, make=make, layer=last, name=name, activation=activation),
        weight_shapes={variable: tuple(held.shape) for variable, held in named_variables(model).items()},
        npy_names={},
        make=make,
        load=load,
        architecture=architecture,
    )


def _build(precision: str, *, make: Callable[..., keras.Model], layer: str, name: str, activation: bool) -> keras.Model:
    return _up_to(make(precision), layer, name, activation=activation)


def _up_to(model: keras.Model, layer: str, name: str, *, activation: bool) -> keras.Model:
    """float32 [N, size, size, 3] in, float32 [N, features] out; what is not flat is flattened."""
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
    names = [one.name for one in model.layers]
    if layer not in names:
        raise layer_unknown(layer, names, name)
    return model.get_layer(layer)


def _has_activation(layer: Any) -> bool:
    """Whether an activation follows on what the layer does; of an Activation layer it is all there is."""
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


def _make_application(builder: str, precision: str, *, weights: str | None = None) -> keras.Model:
    import keras

    with computing_in(precision):
        return getattr(keras.applications, builder)(weights=weights)


def _make_saved(architecture: str, precision: str) -> keras.Model:
    import keras

    config = json.loads(architecture)
    config["compile_config"] = None
    if precision == "bfloat16":
        _set_policy(config, "mixed_bfloat16")
    try:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    except Exception as error:  # Keras and the layers raise nearly anything for a config that is not theirs
        raise RunRefused(
            f"features.backbone: the model cannot be made ({' '.join(str(error).split())[:200]}); it must consist of "
            "Keras' own layers, saved with Keras 3"
        ) from error
    if not hasattr(model, "inputs") or not hasattr(model, "get_layer"):
        raise RunRefused(f"features.backbone: holds a {type(model).__name__}; expected a model of Keras")
    return model


def _set_policy(config: Any, policy: str) -> None:
    """In a saved model every layer holds the policy it was made with."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"].get("name") == "float32":
            config["config"]["name"] = policy
        for value in config.values():
            _set_policy(value, policy)
    elif isinstance(config, list):
        for value in config:
            _set_policy(value, policy)


def read_config(path: str) -> str:
    """The config in a `.keras` file, as JSON; RunRefused where it is not that of a model of Keras' own layers."""
    fs, path_there = storage.filesystem(path)
    name = f"features.backbone: {path}"
    try:
        with fs.open(path_there, "rb") as file:
            text = keras_archives.read_config(file, name)
    except OSError as error:
        raise RunRefused(f"{name}: cannot be read as a model ({error})") from error
    keras_archives.check_config(text, name)
    return text
