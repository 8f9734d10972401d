"""Caffe-converted weights: a NumPy file that holds a pickled dict, layer -> [kernel, bias].

A pickle can run any program when it is opened. Here it is read by an unpickler that knows NumPy arrays and
plain containers and nothing else.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from streetdeciles.backbones.backbone import Backbone
from streetdeciles.errors import RunRefused

_HEADERS: Mapping[tuple[int, int], Callable[[BinaryIO], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(file: BinaryIO, path: str, backbone: Backbone) -> Iterator[tuple[str, Any]]:
    """(name, array) of each variable of the backbone; the array is None where the file has no such layer."""
    if not backbone.npy_names:
        raise RunRefused(
            f"{path}: .npy files are read for VGG16 and VGG19 only, not for {backbone.name}; take Keras' .h5"
        )
    layers = _unpickled_dict(file, path)
    for name in backbone.weight_shapes:
        layer, variable = name.split("/")
        arrays = layers.get(backbone.npy_names[layer], (None, None))
        if not isinstance(arrays, list | tuple) or len(arrays) != 2:
            raise RunRefused(
                f"{path}: layer {backbone.npy_names[layer]}: expected [kernel, bias], found {type(arrays)}"
            )
        found = arrays[("kernel", "bias").index(variable)]
        yield name, found if isinstance(found, np.ndarray) else None


def _unpickled_dict(file: BinaryIO, path: str) -> dict[Any, Any]:
    version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
    if version not in _HEADERS:
        raise ValueError(f"NumPy file format {version}")
    shape, _, dtype = _HEADERS[version](file)
    if dtype.kind != "O" or shape != ():
        raise RunRefused(f"{path}: expected a pickled dict of layers, found an array {dtype} {shape}")
    try:
        held = _ArraysOnly(file, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise RunRefused(f"{path}: {error}") from error
    except (AttributeError, ImportError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"damaged pickle: {error}") from error
    layers = held.item() if isinstance(held, np.ndarray) and held.shape == () else held
    if not isinstance(layers, dict):
        raise RunRefused(f"{path}: expected a dict of layers, found {type(layers).__name__}")
    return layers


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """Stands for `_codecs.encode`, by which old pickles hold an array's bytes as text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"refused, the file holds text in {encoding}; weights hold arrays only")
    return text.encode("latin1")


def _admitted() -> dict[tuple[str, str], Callable[..., Any]]:
    reconstruct = np.zeros(0).__reduce__()[0]
    assert callable(reconstruct)
    return {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): reconstruct,
        ("_codecs", "encode"): _latin1,
    }


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        admitted = _admitted()
        if (module, name) not in admitted:
            raise pickle.UnpicklingError(
                f"refused, the file would run {module}.{name} and weights hold NumPy arrays only; "
                "take it from a source that you trust"
            )
        return admitted[module, name]
