"""A backbone's weights as named arrays, from wherever they come: seeded numbers, a file, or Keras' own download."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from streetdeciles import storage
from streetdeciles.backbones.backbone import Array, Backbone
from streetdeciles.backbones.keras_archives import DAMAGE
from streetdeciles.backbones.npy_files import MAX_HEADER_BYTES
from streetdeciles.errors import RunRefused

NamedArrays = Iterable[tuple[str, Array]]
"""(`<layer>/<variable>`, float32 array) in the order of `Backbone.weight_shapes`."""

SCALES = ("gamma", "lambda1", "moving_variance", "adapt_variance")
"""Variables of normalisations that are 1 where a bias is 0."""


def read_weights(source: str, backbone: Backbone) -> Iterator[tuple[str, Array]]:
    """Each variable of the backbone, one at a time and checked.

    Args:
        source: `random:<seed>`, `imagenet`, or a path or URI of `.npy`, `.h5`, `.weights.h5`, `.keras` or `.npz`, or a
            folder for a backbone that has a `load` of its own.

    Raises:
        RunRefused: the file is not one, or a layer is missing or has another shape.
    """
    if source.startswith("random:"):
        yield from random_weights(int(source.removeprefix("random:")), backbone)
        return
    own = backbone.architecture and source.endswith(".keras")
    if own or (backbone.load and not source.endswith(".npz")) or (source == "imagenet" and backbone.imagenet is None):
        yield from _arrays_of_model(source, backbone)
        return
    path = source
    if source == "imagenet" and backbone.imagenet is not None:
        path = download_imagenet_weights(*backbone.imagenet)
    for name, found in _read_file(path, backbone):
        yield name, _checked(path, name, found, backbone.weight_shapes[name])


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
    """What tells these weights from all others: SHA-256 over names, shapes and numbers."""
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
    """Keep the arrays in one file that `read_weights` reads array by array."""
    fs, path = storage.filesystem(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    with fs.open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]


def download_imagenet_weights(url: str, md5: str) -> str:
    """Path of Keras' ImageNet weights, downloaded once into Keras' own cache folder."""
    from keras.utils import get_file

    try:
        return str(get_file(url.rsplit("/", 1)[1], url, cache_subdir="models", file_hash=md5))
    except Exception as error:  # get_file wraps what urllib and the file system raise in bare exceptions
        raise cannot_download(url, error) from error


def _arrays_of_model(source: str, backbone: Backbone) -> Iterator[tuple[str, Array]]:
    """The weights that Keras downloads for the network, or that a saved model holds itself."""
    from streetdeciles.backbones import applications

    try:
        if backbone.load is not None:
            model = backbone.load(source)
        elif source == "imagenet":
            assert backbone.make is not None
            model = backbone.make("float32", weights="imagenet")
        else:
            model = applications.load_saved(source)
    except RunRefused:
        raise
    except Exception as error:  # as above
        if source == "imagenet":
            raise cannot_download(f"the weights of {backbone.name}", error) from error
        raise RunRefused(f"{source}: Keras cannot load it: {' '.join(str(error).split())[:200]}") from error
    arrays = applications.model_arrays(model)
    for name, shape in backbone.weight_shapes.items():
        yield name, _checked(source, name, arrays.get(name), shape)


def cannot_download(what: str, error: Exception) -> RunRefused:
    """The error for ImageNet's weights that cannot be fetched, with the reason of network or file system."""
    text = " ".join(str(error).split())
    url = re.search(r"https?://\S+?(?=[:,;]?(\s|$))", text)
    if url and "://" not in what:
        what = f"{what}, {url[0]}"
    return RunRefused(
        f"features.weights: imagenet: cannot download {what} ({_root_cause(error):.200}); fetch "
        "that file on a machine with network and set features.weights to its path, or use random:<seed>"
    )


def _root_cause(error: BaseException) -> str:
    """What the network or the file system said: Keras puts the URL before it, and other words around it."""
    said = error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            said = cause
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(said).split()) or type(said).__name__


def _read_file(path: str, backbone: Backbone) -> Iterator[tuple[str, Any]]:
    from streetdeciles.backbones import keras_files, npy_files

    with opened_weights(path, backbone.name) as file:
        if path.endswith(".npz"):
            yield from _read_npz(file, backbone)
        elif path.endswith(".npy"):
            yield from npy_files.read_npy(file, path, backbone)
        else:
            yield from keras_files.read_keras(file, path, backbone)


@contextmanager
def opened_weights(path: str, backbone: str) -> Iterator[Any]:
    """The file at `path`; RunRefused where reading it shows that it does not hold weights."""
    fs, path_there = storage.filesystem(path)
    try:
        with fs.open(path_there, "rb") as file:
            yield file
    except DAMAGE as error:
        raise RunRefused(
            f"{path}: cannot be read as weights ({' '.join(str(error).split())[:160]}); expected Keras' .h5, "
            f".weights.h5 or .keras, or caffe-converted .npy, of {backbone}"
        ) from error


def _read_npz(file: Any, backbone: Backbone) -> Iterator[tuple[str, Array]]:
    with np.load(file, allow_pickle=False) as archive:
        for name, shape in backbone.weight_shapes.items():
            if archive.zip.getinfo(f"{name}.npy").file_size > 8 * prod(shape) + MAX_HEADER_BYTES:
                raise ValueError(f"{name} is larger than expected")
            yield name, archive[name]


def _checked(path: str, name: str, found: Any, expected: tuple[int, ...]) -> Array:
    layer, _, variable = name.partition("/")
    if found is None:
        raise RunRefused(f"{path}: layer {layer} has no {variable}; these are not weights with every layer up to it")
    if found.dtype.kind != "f":
        raise RunRefused(f"{path}: layer {layer}, {variable}: expected floating-point numbers, found {found.dtype}")
    if found.shape != expected:
        raise RunRefused(
            f"{path}: layer {layer}, {variable}: expected shape {expected}, found {tuple(found.shape)}; "
            "take weights of the whole network, with its top"
        )
    array = np.asarray(found, dtype=np.float32)
    if not np.isfinite(array).all():
        raise RunRefused(f"{path}: layer {layer}, {variable}: holds numbers that are not finite; the file is damaged")
    return array
