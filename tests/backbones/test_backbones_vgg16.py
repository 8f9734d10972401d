"""VGG16's features against plain NumPy with the same weights, read from both kinds of weight files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from paths import DATA
from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.vgg import VGG16, npy_names
from streetdeciles.backbones.weights import random_weights, read_weights, weights_hash

PHOTOS = [DATA / "photos" / f"{name}.jpg" for name in ("lund_01", "berlin_01", "mapillary_05")]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """Seeded weights, with biases: nothing may work only because they are zero."""
    generator = np.random.default_rng(3)
    made = dict(random_weights(3, VGG16))
    return {name: a if a.ndim > 1 else generator.normal(0, 5, a.shape).astype(np.float32) for name, a in made.items()}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    prepared = []
    for photo in PHOTOS:
        with Image.open(photo) as opened:
            prepared.append(VGG16.preprocess(np.asarray(opened.convert("RGB"))))
    return np.stack(prepared)


@pytest.fixture(scope="module")
def model(arrays: dict[str, np.ndarray]) -> Any:
    made = VGG16.build("float32")
    assign(made, arrays.items())
    return made


def by_numpy(image: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Thirteen convolutions as sums of nine shifted products, 2 x 2 maxima, one matrix product."""
    x = image
    for block, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        for convolution in range(1, convolutions + 1):
            kernel = arrays[f"block{block}_conv{convolution}/kernel"]
            height, width = x.shape[:2]
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            shifted = [padded[i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)]
            x = np.maximum(sum(shifted) + arrays[f"block{block}_conv{convolution}/bias"], 0)
        x = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).max(axis=(1, 3))
    return x.reshape(-1) @ arrays["fc1/kernel"] + arrays["fc1/bias"]


def test_features_are_those_of_plain_numpy(model: Any, images: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
    features = model.predict_on_batch(images)
    assert features.shape == (3, 4096)
    assert features.dtype == np.float32
    expected = by_numpy(images[0], arrays)
    assert (expected < 0).mean() > 0.2  # before the ReLU
    assert np.abs(features[0] - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("kind", ["npy", "h5"])
def test_both_kinds_of_files_hold_the_same_network(kind: str, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Compared bit by bit, at full size."""
    path = tmp_path / f"vgg16.{kind}"
    layers = npy_names(VGG16.weight_shapes)
    if kind == "npy":
        content = {layers[layer]: [arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"]] for layer in layers}
        np.save(path, content, allow_pickle=True)  # type: ignore[arg-type]
    else:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [*layers]
            for layer in layers:
                group = file.create_group(layer)
                group.attrs["weight_names"] = [f"{layer}_W_1:0", f"{layer}_b_1:0"]
                group[f"{layer}_W_1:0"], group[f"{layer}_b_1:0"] = arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"]
    assert weights_hash(read_weights(weight_source(str(path)), VGG16)) == weights_hash(arrays.items())
    path.unlink()


def test_bfloat16_features_point_the_same_way(model: Any, images: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
    half = VGG16.build("bfloat16")
    assert {variable.dtype for variable in half.variables} == {"bfloat16"}
    assign(half, arrays.items())
    exact, actual = model.predict_on_batch(images), half.predict_on_batch(images)
    assert actual.dtype == np.float32
    cosine = (exact * actual).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(actual, axis=1)
    assert (cosine > 0.999).all()
