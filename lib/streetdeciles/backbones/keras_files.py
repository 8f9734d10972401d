"""Weights out of Keras' files by the names of their layers, without building the model or starting a framework.

Three layouts: Keras 2's HDF5 (also `keras.applications`' weight files), the same inside a whole saved model, and
Keras 3's `.weights.h5`, which a `.keras` file holds in a zip. `h5py` is needed here only.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from streetdeciles.backbones.backbone import Backbone
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import h5py


def read_keras(file: BinaryIO, path: str, backbone: Backbone) -> Iterator[tuple[str, Any]]:
    """(name, array) of each variable of the backbone; the array is None where the file has no such layer."""
    import h5py

    if path.endswith(".keras"):
        with zipfile.ZipFile(file) as archive:
            if "model.weights.h5" not in archive.namelist():
                raise RunRefused(f"{path}: holds no model.weights.h5, so it is not a model that Keras 3 saved")
            file = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(file, "r") as h5:
        layers = _layers(h5, path)
        for name in backbone.weight_shapes:
            layer, _ = name.split("/")
            position = [other for other in backbone.weight_shapes if other.startswith(f"{layer}/")].index(name)
            variables = layers.get(layer, [])
            yield name, variables[position][()] if position < len(variables) else None


def _layers(h5: h5py.File, path: str) -> dict[str, list[h5py.Dataset]]:
    """The variables of each layer, in the layer's own order (kernel, bias)."""
    import h5py

    top = h5.get("model_weights", h5)
    if "layer_names" in top.attrs:
        names = [_text(name) for name in top.attrs["layer_names"]]
        return _legacy_layers(top, names)
    found: dict[str, list[h5py.Dataset]] = {}

    def visit(_: str, entry: h5py.Group | h5py.Dataset) -> None:
        if isinstance(entry, h5py.Group) and "name" in entry.attrs and entry.name.endswith("/vars"):
            found[_text(entry.attrs["name"])] = [entry[key] for key in sorted(entry, key=int)]

    h5.visititems(visit)
    if not found:
        raise RunRefused(f"{path}: names no layers; save the model or its weights again with Keras 3.5 or newer")
    return found


def _legacy_layers(top: h5py.Group, names: list[str]) -> dict[str, list[h5py.Dataset]]:
    """A model inside the model is one entry there; its own layers stand in the names of its variables."""
    found: dict[str, list[h5py.Dataset]] = {}
    for name in names:
        keys = [_text(key) for key in top[name].attrs["weight_names"]]
        for key in keys:
            parts = key.split("/")
            if len(parts) > 1 and parts[-2] != name:
                found.setdefault(parts[-2], []).append(top[name][key])
        found[name] = [top[name][key] for key in keys]
    return found


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
