"""Weights in Keras' files, by the names of their layers, without building the model or starting a framework.

There are three layouts: Keras 2's HDF5 (also the weight files of `keras.applications`), the same within a whole saved
model, and Keras 3's `.weights.h5`, which is also a member of a `.keras` file.

HDF5 can lead to other files and claim any size: links, virtual and external datasets, filters, fill values. Keras
writes none of these, so a file that has one is refused before its numbers are read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from streetdeciles.backbone_sources import KerasModel, KerasWeights
from streetdeciles.backbones import keras_archives
from streetdeciles.backbones.backbone import Shapes
from streetdeciles.errors import RunRefused, reason
from streetdeciles.file_damage import DAMAGE

if TYPE_CHECKING:
    import h5py
    import keras

MAX_DEPTH = 32
MAX_ENTRIES = 100_000


def read_keras(file: BinaryIO, source: KerasWeights | KerasModel, shapes: Shapes) -> Iterator[tuple[str, Any]]:
    """(name, array) of each variable in `shapes`; the array is None if the file has no such layer."""
    import h5py

    if isinstance(source, KerasModel):
        file = io.BytesIO(_opened_archive(file, source.path).read(keras_archives.WEIGHTS))
    size = file.seek(0, 2)
    with h5py.File(file, "r") as h5:
        check_hdf5(h5, source.path, size)
        layers = _layers(h5, source.path)
        for name, expected in shapes.items():
            layer, _ = name.split("/")
            position = [other for other in shapes if other.startswith(f"{layer}/")].index(name)
            variables = layers.get(layer, [])
            yield name, _read(variables[position], expected) if position < len(variables) else None


def check_keras(file: BinaryIO, source: KerasWeights | KerasModel, shapes: Shapes) -> None:
    """RunRefused if the file is not one that Keras writes, or lacks a layer; no numbers are read.

    Only the directory of a `.keras` file is read. `shapes` may be empty, for a backbone whose layers are not known yet.
    """
    import h5py

    if isinstance(source, KerasModel):
        _opened_archive(file, source.path)
        return
    path, size = source.path, file.seek(0, 2)
    with h5py.File(file, "r") as h5:
        check_hdf5(h5, path, size)
        layers = _layers(h5, path)
        missing = next((name.split("/")[0] for name in shapes if name.split("/")[0] not in layers), None)
        if missing is not None:
            raise RunRefused(f"{path}: has no layer {missing}; its layers are {', '.join([*layers][:8]) or 'none'}")


def _opened_archive(file: BinaryIO, path: str) -> zipfile.ZipFile:
    """The zip of a `.keras` file, which holds weights."""
    archive = zipfile.ZipFile(file)
    keras_archives.check_members(archive, path)
    if keras_archives.WEIGHTS not in archive.namelist():
        raise RunRefused(f"{path}: holds no model.weights.h5, so it is not a model that Keras 3 saved")
    return archive


def load_model(path: Path, name: str) -> keras.Model:
    """The model in the `.keras` file at `path`, not compiled.

    Raises:
        RunRefused: the file is damaged, or not a model of Keras' own layers; errors call it `name`.
    """
    import keras

    check_archive(path, name)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras and the layers raise nearly anything for a file that is not theirs
        raise RunRefused(f"{name}: Keras cannot load it: {reason(error, 200)}") from error


def check_archive(path: Path, name: str) -> None:
    """RunRefused if the `.keras` file at `path` has anything that Keras does not write."""
    with path.open("rb") as file:
        keras_archives.check_config(keras_archives.read_config(file, name), name)
    with zipfile.ZipFile(path) as archive:
        check_weights_file(io.BytesIO(archive.read(keras_archives.WEIGHTS)), name)


def check_weights_file(file: BinaryIO, path: str) -> None:
    """RunRefused if the HDF5 `file`, which errors call `path`, has anything that Keras does not write."""
    import h5py

    try:
        size = file.seek(0, 2)
        with h5py.File(file, "r") as h5:
            check_hdf5(h5, path, size)
    except DAMAGE as error:
        raise RunRefused(f"{path}: cannot be read as weights ({reason(error, 160)})") from error


def check_hdf5(h5: h5py.File, path: str, size: int) -> None:
    """RunRefused if a file of `size` bytes leads out of itself, or claims to have more bytes."""
    import h5py

    total = 0
    waiting: list[tuple[h5py.Group, int]] = [(h5, 0)]
    entries = 0
    while waiting:
        group, depth = waiting.pop()
        for key in group:
            entries += 1
            what = f"{path}: refused, {group.name:.100}/{key:.100}"
            if entries > MAX_ENTRIES or depth > MAX_DEPTH:
                raise RunRefused(f"{path}: refused, it has more groups than any model")
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise RunRefused(f"{what} is a link, and may lead to another file")
            entry = group[key]
            if isinstance(entry, h5py.Group):
                waiting.append((entry, depth + 1))
            elif isinstance(entry, h5py.Dataset):
                _check_dataset(entry, what)
                total += prod(entry.shape) * entry.dtype.itemsize
    if total > size:
        raise RunRefused(f"{path}: refused, it claims {total:,} bytes of numbers and has {size:,}")


def _check_dataset(dataset: h5py.Dataset, what: str) -> None:
    if dataset.is_virtual or dataset.external:
        raise RunRefused(f"{what} keeps its numbers in another file")
    if dataset.id.get_create_plist().get_nfilters():
        raise RunRefused(f"{what} is compressed or filtered, which Keras does not do; save the weights again")
    if dataset.chunks and prod(dataset.chunks) > max(prod(dataset.shape), 2**20):
        raise RunRefused(f"{what} has chunks that are larger than the whole")


def _read(dataset: h5py.Dataset, expected: tuple[int, ...]) -> Any:
    """The numbers; if the shape is wrong, an array of that shape that takes no memory, for the error."""
    if dataset.shape != expected:
        return np.broadcast_to(np.zeros((), np.float32), dataset.shape)
    return dataset[()]


def _layers(h5: h5py.File, path: str) -> dict[str, list[h5py.Dataset]]:
    """The variables of each layer, in the layer's own order (kernel, bias)."""
    import h5py

    top = h5.get("model_weights", h5)
    if "layer_names" in top.attrs:
        names = [_text(name) for name in top.attrs["layer_names"]]
        return _legacy_layers(top, names)
    layers: dict[str, list[h5py.Dataset]] = {}

    def visit(_: str, entry: h5py.Group | h5py.Dataset) -> None:
        if isinstance(entry, h5py.Group) and "name" in entry.attrs and entry.name.endswith("/vars"):
            layers[_text(entry.attrs["name"])] = [entry[key] for key in sorted(entry, key=int)]

    h5.visititems(visit)
    if not layers:
        raise RunRefused(f"{path}: names no layers; save the model or its weights again with Keras 3.5 or newer")
    return layers


def _legacy_layers(top: h5py.Group, names: list[str]) -> dict[str, list[h5py.Dataset]]:
    """A model within the model is one entry in `names`; its own layers are in the names of its variables."""
    layers: dict[str, list[h5py.Dataset]] = {}
    for name in names:
        keys = [_text(key) for key in top[name].attrs["weight_names"]]
        for key in keys:
            parts = key.split("/")
            if len(parts) > 1 and parts[-2] != name:
                layers.setdefault(parts[-2], []).append(top[name][key])
        layers[name] = [top[name][key] for key in keys]
    return layers


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
