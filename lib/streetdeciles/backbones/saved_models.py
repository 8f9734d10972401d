"""Any model that Keras has saved in a `.keras` file, up to a layer by its name."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.backbone_sources import CaffeWeights, KerasModel, KerasWeights, WeightSource
from streetdeciles.backbones import keras_archives, keras_files
from streetdeciles.backbones.backbone import Array, Backbone, Shapes
from streetdeciles.backbones.keras_models import RGB, WholeModel
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.backbones.variables import model_arrays
from streetdeciles.backbones.weight_files import check_file, checked, no_such_weights, read_file
from streetdeciles.errors import RunRefused, reason

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SavedModel:
    """A model by its config as JSON."""

    config: str

    @property
    def name(self) -> str:
        return f"model {hashlib.sha256(self.config.encode()).hexdigest()[:16]}"

    def backbone(self, *, layer: str | None = None, activation: bool = False) -> Backbone:
        make, stored_weights = partial(_make, config=self.config), partial(_stored_weights, self.name)
        whole = WholeModel(self.name, make, RGB, scaled_centre_crop, stored_weights)
        return whole.up_to(layer, activation=activation)

    def check_weights(self, source: WeightSource, *, layer: str | None = None) -> None:
        match source:
            case KerasWeights() | KerasModel() | CaffeWeights():
                check_file(source, "the .keras file in features.backbone")


def read_config(path: str) -> str:
    """The config in a `.keras` file, as JSON; RunRefused if it is not that of a model of Keras' own layers."""
    fs, path_in_fs = storage.filesystem(path)
    name = f"features.backbone: {path}"
    try:
        with fs.open(path_in_fs, "rb") as file:
            text = keras_archives.read_config(file, name)
    except OSError as error:
        raise RunRefused(f"{name}: cannot be read as a model ({error})") from error
    keras_archives.check_config(text, name)
    return text


def _make(precision: str, *, config: str) -> keras.Model:
    import keras

    values = json.loads(config)
    values["compile_config"] = None
    if precision == "bfloat16":
        _set_policy(values, "mixed_bfloat16")
    try:
        model = keras.saving.deserialize_keras_object(values, safe_mode=True)
    except Exception as error:  # Keras and the layers raise nearly anything for a config that is not theirs
        raise RunRefused(
            f"features.backbone: the model cannot be made ({reason(error, 200)}); it must consist of "
            "Keras' own layers, saved with Keras 3"
        ) from error
    if not hasattr(model, "inputs") or not hasattr(model, "get_layer"):
        raise RunRefused(f"features.backbone: holds a {type(model).__name__}; expected a model of Keras")
    return model


def _set_policy(config: Any, policy: str) -> None:
    """Every layer of a saved model has kept the policy with which it was made."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"].get("name") == "float32":
            config["config"]["name"] = policy
        for value in config.values():
            _set_policy(value, policy)
    elif isinstance(config, list):
        for value in config:
            _set_policy(value, policy)


def _stored_weights(name: str, source: WeightSource, shapes: Shapes) -> Iterator[tuple[str, Array]]:
    match source:
        case KerasModel(path):
            arrays = model_arrays(_load(path))
            yield from checked(path, ((key, arrays.get(key)) for key in shapes), shapes)
        case KerasWeights() | CaffeWeights():
            yield from read_file(source, name, shapes=shapes)
        case _:
            raise no_such_weights(source, name)


def _load(path: str) -> keras.Model:
    """The model of a `.keras` file with its weights, of Keras' own layers only."""
    fs, path_in_fs = storage.filesystem(path)
    with tempfile.NamedTemporaryFile(suffix=".keras") as local:
        try:
            fs.get_file(path_in_fs, local.name)
        except Exception as error:  # each kind of store has its own errors
            raise RunRefused(f"{path}: Keras cannot load it: {reason(error, 200)}") from error
        return keras_files.load_model(Path(local.name), path)
