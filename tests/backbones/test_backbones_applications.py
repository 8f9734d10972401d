"""Backbones other than VGG16: by name, up to layers by name, from weight files, and models that Keras has saved."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streetdeciles.backbone_sources import KerasModel, ModelFile, Shipped, weight_source
from streetdeciles.backbones.preprocessing import bgr_minus_means, scaled_centre_crop
from streetdeciles.backbones.registry import BACKBONES, backbone_from, backbone_named, for_workers
from streetdeciles.backbones.variables import assign, model_arrays, named_variables
from streetdeciles.backbones.vgg import VGG16, npy_names
from streetdeciles.backbones.weights import random_weights, read_weights, weights_hash, write_npz
from streetdeciles.config import BACKBONES as NAMES_IN_CONFIG
from streetdeciles.errors import RunRefused

PHOTO = np.random.default_rng(0).integers(0, 256, (260, 300, 3), dtype=np.uint8)


def computed(backbone: Any, arrays: Any, precision: str = "float32") -> np.ndarray:
    model = backbone.build(precision)
    assign(model, arrays)
    actual: np.ndarray = np.asarray(model(backbone.preprocess(PHOTO)[None], training=False))
    return actual


def saved(path: Path, **options: Any) -> Any:
    return backbone_from(ModelFile(str(path)), **options)


def test_names_of_the_config_are_those_of_the_registry() -> None:
    assert list(NAMES_IN_CONFIG) == list(BACKBONES)


@pytest.mark.parametrize(
    ("name", "builder", "length", "layer"),
    [
        ("resnet50", "ResNet50", 2048, "avg_pool"),
        ("efficientnetv2b0", "EfficientNetV2B0", 1280, "avg_pool"),
        ("convnext_tiny", "ConvNeXtTiny", 768, "convnext_tiny_head_layernorm"),
    ],
)
def test_application_gives_what_keras_gives(name: str, builder: str, length: int, layer: str, tmp_path: Path) -> None:
    """Compared with the network without its top from keras.applications, with weights from the same file."""
    import keras

    keras.utils.set_random_seed(2)
    whole = getattr(keras.applications, builder)(weights=None)
    whole.save_weights(tmp_path / "whole.weights.h5")
    topless = getattr(keras.applications, builder)(weights=None, include_top=False, pooling="avg")
    kept = model_arrays(whole)
    # ConvNeXt's last normalisation has another name there, and its initial weights neither scale nor add anything.
    assign(topless, [(variable, kept[variable]) for variable in named_variables(topless) if variable in kept])
    prepared = bgr_minus_means(224)(PHOTO) if name == "resnet50" else scaled_centre_crop(224)(PHOTO)
    expected = np.asarray(topless(prepared[None], training=False))

    backbone = backbone_named(name)
    assert (backbone.feature_length, backbone.layer, backbone.size) == (length, layer, 224)
    pickle.dumps((backbone.preprocess, backbone.build))  # they travel to workers
    actual = computed(backbone, read_weights(weight_source(str(tmp_path / "whole.weights.h5")), backbone))
    assert actual.shape == (1, length)
    assert np.abs(actual - expected).max() < 1e-4 * np.abs(expected).max()

    if name == "convnext_tiny":  # Keras numbers some of its variables, differently in every process
        assert dict(backbone_named(name).weight_shapes) == dict(backbone.weight_shapes)
    seeded = dict(random_weights(1, backbone))
    assert {variable: array.shape for variable, array in seeded.items()} == dict(backbone.weight_shapes)
    features = computed(backbone, seeded.items())
    assert np.isfinite(features).all()
    assert features.std() > 1e-3
    if name != "efficientnetv2b0":
        return
    in_bfloat16 = computed(backbone, seeded.items(), "bfloat16")
    assert in_bfloat16.dtype == np.float32
    cosine = (features * in_bfloat16).sum() / np.linalg.norm(features) / np.linalg.norm(in_bfloat16)
    assert cosine > 0.99


@pytest.mark.parametrize(("name", "convolutions"), [("vgg16", 13), ("vgg19", 16)])
def test_vgg_has_the_layers_of_keras(name: str, convolutions: int) -> None:
    """Names and shapes by the configurations D and E of the paper; 25,088 = 7 x 7 x 512."""
    backbone = backbone_named(name, layer="fc2")
    kernels = [key for key in backbone.weight_shapes if key.endswith("/kernel")]
    assert len(kernels) == convolutions + 2
    last = {"vgg16": "block5_conv3", "vgg19": "block5_conv4"}[name]
    assert kernels[-3:] == [f"{last}/kernel", "fc1/kernel", "fc2/kernel"]
    assert backbone.weight_shapes["fc1/kernel"] == (25_088, 4096)
    assert backbone.weight_shapes["fc2/kernel"] == (4096, 4096)
    names = npy_names(backbone.weight_shapes)
    assert names["block5_conv3"] == "conv5_3"
    assert (names["fc1"], names["fc2"]) == ("fc6", "fc7")
    assert backbone.feature_length == 4096
    pool = backbone_named(name, layer="block5_pool")
    assert pool.feature_length == 25_088
    assert set(pool.weight_shapes) == {key for key in backbone.weight_shapes if key.startswith("block")}


def test_default_has_the_names_of_earlier_versions() -> None:
    for same in (backbone_named("vgg16"), backbone_named("vgg16", layer="fc1")):
        assert (same.name, same.layer, same.preprocessing) == (VGG16.name, VGG16.layer, VGG16.preprocessing)
        assert dict(same.weight_shapes) == dict(VGG16.weight_shapes)
    assert VGG16.layer == "fc6 before ReLU"
    assert VGG16.preprocessing == "bgr minus means, 224, bilinear without anti-aliasing, 1"
    assert backbone_named("vgg16", layer="fc1", activation=True).layer == "fc1"
    assert backbone_named("vgg19", layer="fc2").layer == "fc2 before its activation"
    assert backbone_named("vgg16", layer="block5_pool", activation=True).layer == "block5_pool"


def test_vgg_layer_before_and_after_its_activation() -> None:
    """For block1_conv2, which is small enough to compute one pixel with NumPy."""
    backbone = backbone_named("vgg16", layer="block1_conv2")
    seeded = dict(random_weights(3, backbone))
    before = computed(backbone, seeded.items())
    after = computed(backbone_named("vgg16", layer="block1_conv2", activation=True), seeded.items())
    assert before.shape == (1, 224 * 224 * 64)
    assert before.min() < 0
    assert np.array_equal(after, np.maximum(before, 0))
    image = backbone.preprocess(PHOTO)
    first = seeded["block1_conv1/kernel"]
    patch = np.zeros((3, 3, 64), np.float32)
    for i in range(3):
        for j in range(3):
            at = image[9 + i : 12 + i, 19 + j : 22 + j]
            patch[i, j] = np.maximum(np.einsum("ijc,ijcf->f", at, first), 0)
    expected = np.einsum("ijc,ijcf->f", patch, seeded["block1_conv2/kernel"])
    assert np.allclose(before.reshape(224, 224, 64)[11, 21], expected, rtol=1e-3, atol=1e-2)


def small_model(path: Path, *, adapted: bool = False) -> Any:
    """Convolution, pooling, dense layers; a model within the model; saved at `path`."""
    import keras

    keras.utils.set_random_seed(5)
    images = keras.Input((16, 16, 3))
    x = images
    if adapted:
        normalisation = keras.layers.Normalization(name="normalisation")
        normalisation.adapt(np.random.default_rng(1).normal(120, 30, (8, 16, 16, 3)).astype(np.float32))
        x = normalisation(x)
    x = keras.Sequential([keras.layers.Conv2D(4, 3, name="inner"), keras.layers.BatchNormalization()], name="stem")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    x = keras.layers.Dense(6, activation="relu", name="features_here")(x)
    model = keras.Model(images, keras.layers.Dense(2, name="head")(x))
    model.save(path)
    return model


@pytest.mark.parametrize("adapted", [False, True], ids=["plain", "normalised within"])
def test_saved_model_up_to_a_layer(adapted: bool, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "own.keras"
    model = small_model(path, adapted=adapted)
    backbone = saved(path, layer="features_here", activation=True)
    assert (backbone.size, backbone.feature_length) == (16, 6)
    assert backbone.preprocessing == "rgb 0 to 255, 16, bilinear without anti-aliasing, 1"
    cut = keras.Model(model.input, model.get_layer("features_here").output)
    expected = np.asarray(cut(scaled_centre_crop(16)(PHOTO)[None], training=False))
    write_npz(read_weights(KerasModel(str(path)), backbone), str(tmp_path / "shipped.npz"))
    on_worker = backbone_from(for_workers(ModelFile(str(path))), layer="features_here", activation=True)
    actual = computed(on_worker, read_weights(Shipped(str(tmp_path / "shipped.npz")), on_worker))
    assert np.allclose(actual, expected, rtol=1e-5, atol=1e-5)
    assert on_worker.name == backbone.name
    before = computed(saved(path, layer="features_here"), read_weights(KerasModel(str(path)), backbone))
    assert np.allclose(np.maximum(before, 0), expected, rtol=1e-5, atol=1e-5)
    assert before.min() < 0
    assert saved(path).layer == "head"
    assert "bfloat16" in str(backbone.build("bfloat16").get_layer("features_here").compute_dtype)


def test_other_model_is_another_backbone(tmp_path: Path) -> None:
    small_model(tmp_path / "one.keras")
    small_model(tmp_path / "two.keras", adapted=True)
    one, two = (saved(tmp_path / name) for name in ("one.keras", "two.keras"))
    assert one.name != two.name
    assert weights_hash(random_weights(1, one)) != weights_hash(random_weights(1, two))


def test_weight_file_in_keras_2_layout_with_a_model_within_the_model(tmp_path: Path) -> None:
    """The layout of keras.applications' own files, written by hand."""
    import h5py

    model = small_model(tmp_path / "own.keras")
    arrays = model_arrays(model)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            content = {key: key for key in arrays if key.split("/")[0] == layer.name}
            if layer.name == "stem":
                content = {
                    f"stem/{key}:0": key for key in arrays if key.split("/")[0] in ("inner", layer.layers[1].name)
                }
            group.attrs["weight_names"] = [name.encode() for name in content]
            for name, key in content.items():
                group[name] = arrays[key]
    backbone = saved(tmp_path / "own.keras")
    actual = dict(read_weights(weight_source(str(tmp_path / "weights.h5")), backbone))
    assert set(actual) == set(arrays)
    assert all(np.array_equal(actual[key], arrays[key]) for key in arrays)


def test_unknown_layer_names_near_ones(tmp_path: Path) -> None:
    with pytest.raises(
        RunRefused, match=r"vgg16 has no layer 'fc6'; did you mean .*its 22 layers end in .*predictions"
    ):
        backbone_named("vgg16", layer="fc6")
    small_model(tmp_path / "own.keras")
    with pytest.raises(RunRefused, match="no layer 'pool'; did you mean pooled"):
        saved(tmp_path / "own.keras", layer="pool")


def test_file_that_is_not_a_model_is_refused(tmp_path: Path) -> None:
    import keras

    (tmp_path / "page.keras").write_text("<html>")
    with pytest.raises(RunRefused, match=r"page.keras: cannot be read as a model .*expected a .keras file"):
        saved(tmp_path / "page.keras")
    images = keras.Input((None, None, 3))
    keras.Model(images, keras.layers.GlobalAveragePooling2D()(images)).save(tmp_path / "any_size.keras")
    with pytest.raises(RunRefused, match=r"takes \(None, None, None, 3\); expected one input of"):
        saved(tmp_path / "any_size.keras")


def test_program_in_a_saved_model_is_refused(tmp_path: Path) -> None:
    import keras

    images = keras.Input((16, 16, 3))
    outputs = keras.layers.Lambda(lambda x: x[:, 0, 0], output_shape=(3,))(images)
    keras.Model(images, outputs).save(tmp_path / "program.keras")
    with pytest.raises(RunRefused, match="refused, it holds keras.layers.Lambda.*must consist of Keras' own layers"):
        saved(tmp_path / "program.keras")


def test_npy_is_for_vgg_only(tmp_path: Path) -> None:
    (tmp_path / "resnet.npy").write_bytes(b"x")
    small_model(tmp_path / "own.keras")
    with pytest.raises(RunRefused, match="read for VGG16 and VGG19 only"):
        list(read_weights(weight_source(str(tmp_path / "resnet.npy")), saved(tmp_path / "own.keras")))
