"""Files of weights, by their format: opened, checked before a run, and read variable by variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np

from streetdeciles import storage
from streetdeciles.backbone_sources import CaffeWeights, WeightFile, WeightSource
from streetdeciles.backbones import keras_files, npy_files
from streetdeciles.backbones.backbone import Array, Shapes
from streetdeciles.errors import RunRefused, reason
from streetdeciles.file_damage import DAMAGE

NO_NAMES: Mapping[str, str] = MappingProxyType({})


def read_file(
    source: WeightFile, name: str, *, shapes: Shapes, npy_names: Mapping[str, str] = NO_NAMES
) -> Iterator[tuple[str, Array]]:
    """Each variable in `shapes` from the file, one at a time and checked; RunRefused if one is missing or wrong.

    Args:
        name: the backbone's, for errors.
        npy_names: layer -> what it is called in caffe-converted files, if there are such files of the backbone.
    """
    with opened_weights(source.path, name) as file:
        if isinstance(source, CaffeWeights):
            _check_has_npy(source, name, npy_names)
            variables = npy_files.read_npy(file, source.path, name, shapes, npy_names)
        else:
            variables = keras_files.read_keras(file, source, shapes)
        yield from checked(source.path, variables, shapes)


def check_file(
    source: WeightFile, name: str, *, shapes: Shapes | None = None, npy_names: Mapping[str, str] = NO_NAMES
) -> None:
    """RunRefused if headers of a local file show that it has no weights of the backbone `name`; no numbers are read.

    Args:
        shapes: None if they are not known before Keras has built the backbone.
    """
    if not storage.is_local(source.path):
        return
    with opened_weights(source.path, name) as file:
        if isinstance(source, CaffeWeights):
            _check_has_npy(source, name, npy_names)
            npy_files.check_npy(file, source.path, name, shapes or {})
        else:
            keras_files.check_keras(file, source, shapes or {})


def _check_has_npy(source: CaffeWeights, name: str, npy_names: Mapping[str, str]) -> None:
    if not npy_names:
        raise RunRefused(f"{source}: .npy files are read for VGG16 and VGG19 only, not for {name}; take Keras' .h5")


def no_such_weights(source: WeightSource, name: str) -> RunRefused:
    """The error for a kind of source that the backbone `name` does not have."""
    return RunRefused(f"features.weights: {source} is not a source of weights of {name}")


@contextmanager
def opened_weights(path: str, name: str) -> Iterator[Any]:
    """The file at `path`; RunRefused if reading it shows that it does not hold weights of the backbone `name`."""
    fs, path_in_fs = storage.filesystem(path)
    try:
        with fs.open(path_in_fs, "rb") as file:
            yield file
    except DAMAGE as error:
        raise RunRefused(
            f"{path}: cannot be read as weights ({reason(error, 160)}); expected Keras' .h5, "
            f".weights.h5 or .keras, or caffe-converted .npy, of {name}"
        ) from error


def checked(path: str, variables: Iterable[tuple[str, Any]], shapes: Shapes) -> Iterator[tuple[str, Array]]:
    """Each variable as float32; RunRefused names the first that is missing (None), or has another shape or type."""
    for name, array in variables:
        yield name, _checked(path, name, array, shapes[name])


def _checked(path: str, name: str, stored: Any, expected: tuple[int, ...]) -> Array:
    layer, _, variable = name.partition("/")
    if stored is None:
        raise RunRefused(f"{path}: layer {layer} has no {variable}; these are not weights with every layer up to it")
    if stored.dtype.kind != "f":
        raise RunRefused(f"{path}: layer {layer}, {variable}: expected floating-point numbers, found {stored.dtype}")
    if stored.shape != expected:
        raise RunRefused(
            f"{path}: layer {layer}, {variable}: expected shape {expected}, found {tuple(stored.shape)}; "
            "take weights of the whole network, with its top"
        )
    array = np.asarray(stored, dtype=np.float32)
    if not np.isfinite(array).all():
        raise RunRefused(f"{path}: layer {layer}, {variable}: holds numbers that are not finite; the file is damaged")
    return array
