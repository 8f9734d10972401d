"""Checks of `.keras` files from outside, before Keras reads them, so that none runs code or exhausts the machine.

Keras' safe mode refuses lambdas, but imports whatever a config names, and unpacks everything in the zip. Here a model
may only have Keras' own layers, initializers, regularizers, constraints and activations, and the zip only the members
that Keras writes.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from streetdeciles.errors import RunRefused, reason
from streetdeciles.file_damage import DAMAGE
from streetdeciles.keras_start import without_start_messages

WEIGHTS, CONFIG = "model.weights.h5", "config.json"
MAX_CONFIG_MB = 16
MAX_DEPTH = 60
MAX_NUMBER = 2**24
"""The largest number in a layer's config, e.g. its units."""

_UNSAFE = {"Lambda", "TorchModuleWrapper", "TFSMLayer", "FlaxLayer", "JaxLayer"}
_UNSAFE |= {"StringLookup", "IntegerLookup", "TextVectorization"}  # they read files that their config names
_ANY_NUMBER = {"seed", "shared_object_id"}
_PLAIN = {"__keras_tensor__", "__numpy__", "__tensor__", "__bytes__", "__ellipsis__"}


def read_config(file: BinaryIO, name: str) -> str:
    """The config in a `.keras` file, as JSON; RunRefused if the file has anything that Keras does not write."""
    try:
        with zipfile.ZipFile(file) as archive:
            check_members(archive, name)
            archive.getinfo(WEIGHTS)
            text = archive.read(CONFIG).decode("utf-8")
        json.loads(text)
    except DAMAGE as error:
        raise RunRefused(
            f"{name}: cannot be read as a model ({reason(error, 160)}); expected a .keras file that Keras 3 saved"
        ) from error
    return text


def check_members(archive: zipfile.ZipFile, name: str) -> None:
    """RunRefused if a member is not one that Keras writes, appears twice, or would grow while it is read."""
    names = archive.namelist()
    for member in archive.infolist():
        where = f"{name}: refused, its member {member.filename:.80}"
        if member.filename not in (CONFIG, WEIGHTS, "metadata.json") or names.count(member.filename) > 1:
            raise RunRefused(f"{where} is not one that Keras writes")
        if member.filename == WEIGHTS and member.file_size != member.compress_size:
            raise RunRefused(f"{where} is compressed, which Keras does not do; save the model again")
        if member.filename != WEIGHTS and member.file_size > MAX_CONFIG_MB * 2**20:
            raise RunRefused(f"{where} is larger than {MAX_CONFIG_MB} MB")


def check_config(text: str, name: str) -> None:
    """RunRefused if a model's config is nested too deep, or names anything that is not Keras' own."""
    with without_start_messages():
        import keras  # noqa: F401 - here, so that its framework's greeting is not printed
    config = json.loads(text)
    if isinstance(config, dict):
        config.pop("compile_config", None)  # ignored
    for key, value in _walked(config, name):
        if type(value) is int and abs(value) > MAX_NUMBER and key not in _ANY_NUMBER:
            raise RunRefused(f"{name}: refused, its config has {key}: {value!s:.30}; no layer is that large")
        if not isinstance(value, dict):
            continue
        if "class_name" in value and not _is_known(value):
            what = f"{value.get('module')}.{value['class_name']}"
            raise RunRefused(
                f"{name}: refused, it holds {what:.100}; a model must consist of Keras' own layers, without lambdas "
                "and without layers that run other programs or read files"
            )
        if value.get("compile_config"):  # Keras writes an empty one for a model within the model
            raise RunRefused(f"{name}: refused, a layer in it is compiled, which Keras does not do")


def _walked(config: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every value in the config, at any depth, with its key."""
    waiting: list[tuple[str, Any, int]] = [("", config, 0)]
    while waiting:
        key, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise RunRefused(f"{name}: refused, its config is nested more than {MAX_DEPTH} levels deep")
        yield key, value
        if isinstance(value, dict):
            waiting += [(inner, item, depth + 1) for inner, item in value.items()]
        elif isinstance(value, list):
            waiting += [(key, item, depth + 1) for item in value]


def _is_known(value: dict[str, Any]) -> bool:
    """Whether the object that a config asks Keras to make is Keras' own and harmless."""
    import keras

    module, name = value.get("module"), value["class_name"]
    if not isinstance(name, str) or not isinstance(module, str | None) or name in _UNSAFE:
        return False
    if value.get("registered_name") not in (None, name):
        return False
    if name in _PLAIN:
        return module in (None, "builtins")
    if name == "function":
        config = value.get("config")
        return module in ("builtins", "keras.activations") and hasattr(keras.activations, str(config))
    for home, kind in (
        (keras.layers, keras.Layer),
        (keras, keras.Model),
        (keras.initializers, keras.Initializer),
        (keras.regularizers, keras.Regularizer),
        (keras.constraints, keras.constraints.Constraint),
        (keras.dtype_policies, keras.dtype_policies.DTypePolicy),
        (sys.modules.get(str(module)) if str(module).startswith("keras.src.ops.") else None, keras.Operation),
        (sys.modules.get("keras.src.models.functional"), keras.Model),
    ):
        known = getattr(home, name, None)
        if isinstance(known, type) and issubclass(known, kind):
            homes = (None, "keras", "keras.layers", getattr(home, "__name__", None), known.__module__)
            if module in homes:  # keras.layers has an Add as well as keras.src.ops.numpy
                return True
    return False
