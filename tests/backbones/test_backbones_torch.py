"""VGG16 against an implementation in torch from the paper, with the same weights, read from files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from paths import DATA
from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.registry import backbone_named
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import random_weights, read_weights

torch = pytest.importorskip("torch", reason="needs torch: make test-compare")
pytestmark = pytest.mark.compare

PHOTOS = [DATA / "photos" / f"{name}.jpg" for name in ("lund_07", "mapillary_06")]
TOLERANCE = 1e-5
"""Share of the largest feature. Both add up to 25,088 float32 products, in different orders (2.5e-6 was measured)."""

CONFIGURATION_D = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
"""Simonyan & Zisserman 2014, table 1, column D: filters of the 3 x 3 convolutions, M for a 2 x 2 maximum."""
CAFFE_NAMES = ["1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3"]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """Seeded weights by their names in caffe, with biases: nothing may work only because they are zero."""
    generator = np.random.default_rng(11)
    made = {}
    for name, array in random_weights(11, VGG16):
        layer, kind = name.split("/")
        caffe = "fc6" if layer == "fc1" else layer.replace("block", "conv").replace("_conv", "_")
        made[f"{caffe}/{kind}"] = array if array.ndim > 1 else generator.normal(0, 5, array.shape).astype(np.float32)
    return made


@pytest.fixture(scope="module")
def weight_files(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same numbers as machrisaa's vgg16.npy, and as Keras writes its own VGG16 in its old and its new format."""
    import keras

    folder = tmp_path_factory.mktemp("weights")
    names = [*(f"conv{name}" for name in CAFFE_NAMES), "fc6"]
    content: Any = {name: [arrays[f"{name}/kernel"], arrays[f"{name}/bias"]] for name in names}
    np.save(folder / "vgg16.npy", content, allow_pickle=True)
    model = keras.applications.VGG16(weights=None)
    with_weights = [layer for layer in model.layers if layer.weights]
    for name, layer in zip(names, with_weights, strict=False):  # fc7 and fc8 stay as they are
        layer.set_weights(content[name])
    model.save_weights(folder / "vgg16.weights.h5")
    model.save(folder / "vgg16.h5")
    return {kind: str(folder / f"vgg16.{kind}") for kind in ("npy", "h5", "weights.h5")}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    prepared = []
    for photo in PHOTOS:
        with Image.open(photo) as opened:
            prepared.append(VGG16.preprocess(np.asarray(opened.convert("RGB"))))
    return np.stack(prepared)


@pytest.fixture(scope="module")
def by_torch(arrays: dict[str, np.ndarray], images: np.ndarray) -> dict[str, np.ndarray]:
    """With channels first and fc6 over a map flattened as [512, 7, 7]: the layout of torch and caffe, not Keras'."""
    functional = torch.nn.functional
    x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    names = iter(CAFFE_NAMES)
    with torch.inference_mode():
        for step in CONFIGURATION_D:
            if step == "M":
                x = functional.max_pool2d(x, kernel_size=2, stride=2)
                continue
            name = f"conv{next(names)}"
            kernel = torch.from_numpy(arrays[f"{name}/kernel"]).permute(3, 2, 0, 1).contiguous()
            assert kernel.shape[0] == step
            x = functional.relu(functional.conv2d(x, kernel, torch.from_numpy(arrays[f"{name}/bias"]), padding=1))
        pool5 = x
        kernel = torch.from_numpy(arrays["fc6/kernel"]).reshape(7, 7, 512, 4096).permute(3, 2, 0, 1).reshape(4096, -1)
        fc6 = functional.linear(pool5.flatten(1), kernel, torch.from_numpy(arrays["fc6/bias"]))
        return {"pool5": pool5.numpy(), "fc6": fc6.numpy(), "relu6": functional.relu(fc6).numpy()}


def features(weights: str, images: np.ndarray, **options: Any) -> np.ndarray:
    backbone = backbone_named("vgg16", **options)
    model = backbone.build("float32")
    assign(model, read_weights(weight_source(weights), backbone))
    return np.asarray(model.predict_on_batch(images))


def assert_near(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() < TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("kind", ["npy", "h5", "weights.h5"])
def test_fc6_is_torchs(
    kind: str, weight_files: dict[str, str], images: np.ndarray, by_torch: dict[str, np.ndarray]
) -> None:
    expected = by_torch["fc6"]
    assert 0.2 < (expected < 0).mean() < 0.8  # before the ReLU
    assert expected.std() > 1  # the signal comes through all layers
    assert np.abs(expected[0] - expected[1]).max() > 1e-2 * np.abs(expected).max()  # and photographs differ
    assert_near(features(weight_files[kind], images), expected)


def test_fc1_after_its_activation_is_torchs(
    weight_files: dict[str, str], images: np.ndarray, by_torch: dict[str, np.ndarray]
) -> None:
    actual = features(weight_files["npy"], images, layer="fc1", activation=True)
    assert (actual >= 0).all()
    assert_near(actual, by_torch["relu6"])


def test_pool5_is_torchs(weight_files: dict[str, str], images: np.ndarray, by_torch: dict[str, np.ndarray]) -> None:
    """Ours is flattened as [7, 7, 512]."""
    actual = features(weight_files["h5"], images, layer="block5_pool")
    assert_near(actual.reshape(2, 7, 7, 512).transpose(0, 3, 1, 2), by_torch["pool5"])
