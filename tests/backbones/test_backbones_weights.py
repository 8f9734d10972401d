"""Weights from every kind of file, the same numbers from a seed everywhere, and files that are refused."""

from __future__ import annotations

import pickle
import re
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from streetdeciles.backbone_sources import ImageNet, Shipped, WeightSource, weight_source
from streetdeciles.backbones import vgg
from streetdeciles.backbones.backbone import Backbone
from streetdeciles.backbones.registry import backbone_named
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weight_files import read_file
from streetdeciles.backbones.weights import random_weights, read_weights, weights_hash, write_npz
from streetdeciles.errors import RunRefused

NPY_NAMES = {"conv_a": "conv1_1", "fc1": "fc6"}
SMALL = Backbone(
    name="small",
    layer="fc1",
    size=4,
    feature_length=5,
    preprocessing="none",
    preprocess=lambda image: image,
    build=lambda precision: None,  # type: ignore[arg-type, return-value]
    weight_shapes={"conv_a/kernel": (3, 3, 3, 2), "conv_a/bias": (2,), "fc1/kernel": (8, 5), "fc1/bias": (5,)},
    stored_weights=lambda source, shapes: read_file(source, "small", shapes=shapes, npy_names=NPY_NAMES),  # type: ignore[arg-type]
)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in SMALL.weight_shapes.items()}


def keras_model(arrays: dict[str, np.ndarray]) -> Any:
    """A model with a top that the backbone does not have, as in weights of the whole VGG16."""
    import keras

    images = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(2, 3, name="conv_a")(images)
    x = keras.layers.Dense(5, name="fc1")(keras.layers.Flatten()(x))
    model = keras.Model(images, keras.layers.Dense(3, name="predictions")(x))
    for layer in ("conv_a", "fc1"):
        model.get_layer(layer).set_weights([arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"]])
    return model


def caffe_dict(arrays: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    return {name: [arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"]] for layer, name in NPY_NAMES.items()}


def write_pickled_npy(path: Path, held: Any, protocol: int) -> None:
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    scalar = np.empty((), dtype=object)
    scalar[()] = held
    path.write_bytes(header.getvalue() + pickle.dumps(scalar, protocol=protocol))


def assert_read(source: WeightSource, arrays: dict[str, np.ndarray]) -> None:
    actual = dict(read_weights(source, SMALL))
    assert list(actual) == list(SMALL.weight_shapes)
    for name, array in arrays.items():
        assert actual[name].dtype == np.float32
        assert np.array_equal(actual[name], array)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "model.h5"])
def test_keras_files_are_read(name: str, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    model = keras_model(arrays)
    path = tmp_path / name
    model.save_weights(path) if name == "model.weights.h5" else model.save(path)
    assert_read(weight_source(str(path)), arrays)


def test_weight_file_of_keras_applications_is_read(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"input_1", b"conv_a", b"fc1"]
        file.create_group("input_1").attrs["weight_names"] = np.array([], dtype="S1")
        for layer in ("conv_a", "fc1"):
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}_W_1:0".encode(), f"{layer}_b_1:0".encode()]
            group[f"{layer}_W_1:0"] = arrays[f"{layer}/kernel"]
            group[f"{layer}_b_1:0"] = arrays[f"{layer}/bias"]
    assert_read(weight_source(str(path)), arrays)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_caffe_converted_npy_is_read(protocol: int, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    write_pickled_npy(tmp_path / "vgg16.npy", caffe_dict(arrays), protocol)
    assert_read(weight_source(str(tmp_path / "vgg16.npy")), arrays)


def test_npy_that_numpy_saved_is_read(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.save(tmp_path / "vgg16.npy", caffe_dict(arrays), allow_pickle=True)  # type: ignore[arg-type]
    assert_read(weight_source(str(tmp_path / "vgg16.npy")), arrays)


def test_npz_is_read_as_written(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    write_npz(arrays.items(), str(tmp_path / "new" / "weights.npz"))
    assert_read(Shipped(str(tmp_path / "new" / "weights.npz")), arrays)


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_malicious_pickle_is_refused_and_not_run(protocol: int, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    held = {**caffe_dict(arrays), "conv1_1": Malicious(tmp_path / "was_run")}
    write_pickled_npy(tmp_path / "vgg16.npy", held, protocol)
    with pytest.raises(RunRefused, match="refused, the file would run") as refused:
        list(read_weights(weight_source(str(tmp_path / "vgg16.npy")), SMALL))
    assert not (tmp_path / "was_run").exists()
    assert "\n" not in str(refused.value)


def test_wrong_shape_names_layer_expected_and_found(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    arrays["fc1/kernel"] = np.zeros((5, 8), dtype=np.float32)
    write_pickled_npy(tmp_path / "vgg16.npy", caffe_dict(arrays), 2)
    with pytest.raises(RunRefused, match=r"layer fc1, kernel: expected shape \(8, 5\), found \(5, 8\)"):
        list(read_weights(weight_source(str(tmp_path / "vgg16.npy")), SMALL))


def test_file_without_top_names_the_missing_layer(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "notop.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv_a"]
        group = file.create_group("conv_a")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["kernel"], group["bias"] = np.zeros((3, 3, 3, 2), "float32"), np.zeros(2, "float32")
    with pytest.raises(RunRefused, match="layer fc1 has no kernel"):
        list(read_weights(weight_source(str(tmp_path / "notop.h5")), SMALL))


def test_numbers_that_are_not_finite_are_refused(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    arrays["conv_a/bias"][1] = np.nan
    write_npz(arrays.items(), str(tmp_path / "weights.npz"))
    with pytest.raises(RunRefused, match="layer conv_a, bias: holds numbers that are not finite"):
        list(read_weights(Shipped(str(tmp_path / "weights.npz")), SMALL))


@pytest.mark.parametrize("name", ["a.npy", "a.h5", "a.weights.h5", "a.keras"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x93NUMPY\x01\x00\x10\x00nonsense"])
def test_file_that_holds_no_weights_is_refused_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunRefused) as refused:
        list(read_weights(weight_source(str(tmp_path / name)), SMALL))
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_seeded_weights_are_he_normal_and_pinned() -> None:
    """The numbers of a seed may never change: features that were made with them would no longer be comparable."""
    actual = dict(islice(random_weights(1, VGG16), 26))  # all but fc1
    assert actual["block1_conv1/kernel"][0, 0, 0, :3].tolist() == pytest.approx([0.4706024, -0.3887758, 0.2797167])
    assert actual["block5_conv3/kernel"].std() == pytest.approx(np.sqrt(2 / (9 * 512)), rel=0.01)
    assert abs(actual["block5_conv3/kernel"].mean()) < 1e-4
    assert not actual["block3_conv1/bias"].any()


def test_hash_depends_on_every_number(arrays: dict[str, np.ndarray]) -> None:
    whole = weights_hash(arrays.items())
    assert weights_hash({name: array.copy() for name, array in arrays.items()}.items()) == whole
    arrays["fc1/bias"][0] += 1e-6
    assert weights_hash(arrays.items()) != whole


def test_imagenet_without_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vgg, "KERAS_FILES", "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(RunRefused, match=r"set features.weights to its path, or use random:<seed>") as refused:
        next(read_weights(ImageNet(), VGG16))
    assert re.search(
        r"cannot download http://127\.0\.0\.1:9/vgg16/\w+\.h5 \(\[Errno 111\] Connection", str(refused.value)
    )
    assert str(refused.value).count("http://127.0.0.1:9/") == 1


def test_unknown_backbone_is_refused_with_the_known_names() -> None:
    with pytest.raises(RunRefused, match="'vgg61' is not known; known: vgg16, vgg19, resnet50"):
        backbone_named("vgg61")
