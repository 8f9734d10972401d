"""Caffe-converted weights: a NumPy file of a pickled dict, layer -> [kernel, bias].

A pickle can run any program when it is opened, so this one is read as data (`pickled.py`), and its bytes become arrays
only after shape, type and length have been checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, BinaryIO

import numpy as np

from streetdeciles.backbones.backbone import Array, Shapes
from streetdeciles.errors import RunRefused
from streetdeciles.pickled import Admitted, Call, Name, NotAdmitted, read_pickle

MAX_HEADER_BYTES = 10_000

_NDARRAY, _DTYPE, _ENCODE = Name("numpy", "ndarray"), Name("numpy", "dtype"), Name("_codecs", "encode")
_RECONSTRUCT = (Name("numpy.core.multiarray", "_reconstruct"), Name("numpy._core.multiarray", "_reconstruct"))
_FLOATS = {"f2": 2, "f4": 4, "f8": 8}


def read_npy(
    file: BinaryIO, path: str, name: str, shapes: Shapes, npy_names: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """(name, array) of each variable in `shapes`; the array is None if the file has no such layer.

    Args:
        name: the backbone's, for errors.
        npy_names: layer -> what the file calls it.
    """
    check_npy(file, path, name, shapes)
    try:
        layers = _layers(file, path)
    except NotAdmitted as error:
        raise RunRefused(f"{path}: {error}") from error
    for key in shapes:
        layer, variable = key.split("/")
        arrays = layers.get(npy_names[layer], (None, None))
        if not isinstance(arrays, list | tuple) or len(arrays) != 2:
            raise RunRefused(
                f"{path}: layer {npy_names[layer]}: expected [kernel, bias], found {type(arrays).__name__}"
            )
        yield key, _array(arrays[("kernel", "bias").index(variable)], f"{path}: layer {layer}, {variable}")


def check_npy(file: BinaryIO, path: str, name: str, shapes: Shapes) -> None:
    """RunRefused if size or header is not that of a pickled dict of layers; nothing else is read."""
    size = file.seek(0, 2)
    file.seek(0)
    # As float64, with as much again for the layers that follow; then the pickle may be read into memory.
    bound = 16 * sum(map(prod, shapes.values())) + 2**26
    if size > bound:
        raise RunRefused(f"{path}: has {size / 1e6:,.0f} MB; weights of {name} have {bound / 1e6:,.0f} at most")
    header = _header(file)
    if not re.search(r"'descr': *'\|O\d?'", header) or not re.search(r"'shape': *\(\)", header):
        raise RunRefused(f"{path}: expected a pickled dict of layers, found an array {header.strip():.100}")


def _layers(file: BinaryIO, path: str) -> dict[str | int, Any]:
    size = file.seek(0, 2)
    file.seek(0)
    _header(file)
    content = read_pickle(file, size, Admitted({_NDARRAY, _DTYPE, _ENCODE, *_RECONSTRUCT}))
    if isinstance(content, Call) and content.function in _RECONSTRUCT:  # an array of one object
        match content.state:
            case (_, (), _, _, [content]):
                pass
    if type(content) is not dict:
        raise RunRefused(f"{path}: expected a dict of layers, found {_kind(content)}")
    return content


def _header(file: BinaryIO) -> str:
    start = file.read(8)
    length = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}.get(start[6:])
    if start[:6] != b"\x93NUMPY" or length is None:
        raise ValueError("not a NumPy file")
    n = int.from_bytes(file.read(length), "little")
    if n > MAX_HEADER_BYTES:
        raise ValueError("damaged NumPy header")
    return file.read(n).decode("latin-1")


def _array(value: Any, what: str) -> Array | None:
    """The array that the pickle describes; RunRefused unless it has floats, and as many as its shape says."""
    if value is None:
        return None
    match value:
        case Call(function=function, state=(_, shape, Call() as dtype, fortran, content)) if (
            function in _RECONSTRUCT and dtype.function == _DTYPE
        ):
            pass
        case _:
            raise RunRefused(f"{what}: expected an array, found {_kind(value)}")
    code = dtype.arguments[0] if dtype.arguments else None
    if code not in _FLOATS:
        raise RunRefused(f"{what}: expected floating-point numbers, found {code!r:.20}")
    match dtype.state:
        case (_, ("<" | ">" | "=" | "|") as order, *_):
            pass
        case _:
            raise RunRefused(f"{what}: damaged, its numbers have no byte order")
    if type(shape) is not tuple or len(shape) > 8 or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise RunRefused(f"{what}: damaged, it has no shape")
    content = _bytes(content)
    if content is None or len(content) != prod(shape) * _FLOATS[code]:
        raise RunRefused(f"{what}: damaged, its shape {shape} does not fit its bytes")
    return np.frombuffer(content, order + code).reshape(shape, order="F" if fortran is True or fortran == 1 else "C")


def _bytes(content: Any) -> bytes | None:
    """The bytes, which may be text: from Python 2, or in old pickles of Python 3."""
    match content:
        case Call(function=function, arguments=(str() as text, "latin1")) if function == _ENCODE:
            content = text
    if isinstance(content, str):
        return content.encode("latin-1")
    return content if isinstance(content, bytes) else None


def _kind(value: Any) -> str:
    return value.function.name if isinstance(value, Call) else type(value).__name__
