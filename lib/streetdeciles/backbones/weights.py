"""A backbone's weights as named arrays, from wherever they come, and their hash."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np

from streetdeciles import storage
from streetdeciles.backbone_sources import Seeded, Shipped, WeightSource
from streetdeciles.backbones.backbone import Array, Backbone, Shapes
from streetdeciles.backbones.npy_files import MAX_HEADER_BYTES
from streetdeciles.backbones.weight_files import checked, opened_weights
from streetdeciles.disks import Sequential

NamedArrays = Iterable[tuple[str, Array]]
"""(`<layer>/<variable>`, float32 array) in the order of `Backbone.weight_shapes`."""

SCALES = ("gamma", "lambda1", "moving_variance", "adapt_variance")
"""Variables of normalisations that are 1 when biases are 0."""


def read_weights(source: WeightSource, backbone: Backbone) -> Iterator[tuple[str, Array]]:
    """Each variable of the backbone, one at a time and checked; RunRefused if `source` does not hold its weights."""
    match source:
        case Seeded(seed):
            yield from random_weights(seed, backbone)
        case Shipped(path):
            with opened_weights(path, backbone.name) as file:
                yield from checked(path, _read_npz(file, backbone.weight_shapes), backbone.weight_shapes)
        case _:
            yield from backbone.stored_weights(source, backbone.weight_shapes)


def random_weights(seed: int, backbone: Backbone) -> Iterator[tuple[str, Array]]:
    """He-normal kernels (He et al. 2015), zero biases, scales of one: the same in every process, on every backend."""
    for i, (name, shape) in enumerate(backbone.weight_shapes.items()):
        if len(shape) < 2:
            scale = name.rsplit("/", 1)[-1] in SCALES
            yield name, (np.ones if scale else np.zeros)(shape, dtype=np.float32)
            continue
        kernel = np.random.default_rng([seed, i]).standard_normal(shape, dtype=np.float32)
        depthwise = len(shape) == 4 and shape[-1] == 1
        kernel *= np.float32(np.sqrt(2.0 / np.prod(shape[: 2 if depthwise else -1])))
        yield name, kernel


def weights_hash(arrays: NamedArrays) -> str:
    """SHA-256 over names, shapes and numbers, in hexadecimal."""
    digest = hashlib.sha256()
    for _ in hashed(arrays, digest):
        pass
    return digest.hexdigest()


def hashed(arrays: NamedArrays, digest: hashlib._Hash) -> Iterator[tuple[str, Array]]:
    """The same arrays, taken into `digest` as they pass."""
    for name, array in arrays:
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array, dtype="<f4").data)
        yield name, array


def write_npz(arrays: NamedArrays, uri: str) -> None:
    """Write the arrays to one file, from which `read_weights` reads them one by one as `Shipped`."""
    fs, path = storage.filesystem(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    with fs.open(path, "wb") as file, zipfile.ZipFile(Sequential(file), "w") as archive:
        for name, array in arrays:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]


def _read_npz(file: Any, shapes: Shapes) -> Iterator[tuple[str, Array]]:
    with np.load(file, allow_pickle=False) as archive:
        for name, shape in shapes.items():
            if archive.zip.getinfo(f"{name}.npy").file_size > 8 * prod(shape) + MAX_HEADER_BYTES:
                raise ValueError(f"{name} is larger than expected")
            yield name, archive[name]
