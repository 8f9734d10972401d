"""KerasHub's CLIP, SigLIP and DINOv2, small and with seeded weights, against the papers' arithmetic in NumPy."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import erf

from paths import DATA
from streetdeciles.backbone_sources import ImageNet, Shipped, weight_source
from streetdeciles.backbones.clip import CLIP, clip
from streetdeciles.backbones.dinov2 import DINOV2, dinov2
from streetdeciles.backbones.presets import UNUSED_TEXT, HubBackbone
from streetdeciles.backbones.registry import backbone_named
from streetdeciles.backbones.siglip import SIGLIP, siglip
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.weights import random_weights, read_weights, write_npz
from streetdeciles.config import PRESETS as NAMES_IN_CONFIG
from streetdeciles.config import FeaturesConfig
from streetdeciles.errors import RunRefused

WHY = "needs KerasHub: pip install --no-deps keras-hub==0.32.0 regex sentencepiece tokenizers"
PATCH, WIDTH, LAYERS, HEADS, SIZE = 8, 12, 2, 3, 32
SIZES = {
    "patch_size": PATCH,
    "hidden_dim": WIDTH,
    "num_layers": LAYERS,
    "num_heads": HEADS,
    "intermediate_dim": 20,
}
SMALL: dict[str, HubBackbone] = {
    "clip": clip("clip", sizes=SIZES, size=SIZE, projection=5),
    "siglip": siglip("siglip", sizes=SIZES, size=SIZE),
    # The published ones are trained at 518 pixels, and their positions are scaled to 224.
    "dinov2": dinov2("dinov2", sizes={**SIZES, "position_embedding_shape": (48, 48)}, size=SIZE),
}
PRESETS = {preset.name: preset for preset in (*CLIP, *SIGLIP, *DINOV2)}
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def hub() -> Any:
    return pytest.importorskip("keras_hub", reason=WHY)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    with Image.open(DATA / "photos" / "lund_03.jpg") as opened:
        return np.asarray(opened.convert("RGB"))


def seeded(backbone: Any) -> Arrays:
    """With biases and class tokens: nothing may work only because they are zero."""
    generator = np.random.default_rng(5)
    return {
        name: array if array.ndim > 1 else array + generator.normal(0, 0.3, array.shape).astype(np.float32)
        for name, array in random_weights(5, backbone)
    }


def computed(backbone: Any, arrays: Arrays, image: np.ndarray, precision: str = "float32") -> np.ndarray:
    model = backbone.build(precision)
    assign(model, arrays.items())
    return np.asarray(model.predict_on_batch(image[None])[0])


def normal(x: np.ndarray, w: Arrays, name: str, epsilon: float) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return scaled * w[f"{name}/gamma"] + w[f"{name}/beta"]


def attention(query: np.ndarray, x: np.ndarray, w: Arrays, name: str) -> np.ndarray:
    """Computed head by head."""
    q, k, v = (
        np.einsum("nd,dhe->hne", of, w[f"{name}/{kind}/kernel"]) + w[f"{name}/{kind}/bias"][:, None]
        for kind, of in (("query", query), ("key", x), ("value", x))
    )
    made = w[f"{name}/attention_output/bias"].astype(np.float64)
    for head in range(HEADS):
        likeness = np.exp(q[head] @ k[head].T / np.sqrt(WIDTH / HEADS))
        seen = likeness / likeness.sum(-1, keepdims=True) @ v[head]
        made = made + seen @ w[f"{name}/attention_output/kernel"][head]
    return made


def mlp(x: np.ndarray, w: Arrays, first: str, second: str, activation: Callable[[Any], Any]) -> np.ndarray:
    inner = activation(x @ w[f"{first}/kernel"] + w[f"{first}/bias"])
    return inner @ w[f"{second}/kernel"] + w[f"{second}/bias"]


def patches(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The projected patches, one row per patch, from left to right and from top to bottom."""
    side = SIZE // PATCH
    cut = image.reshape(side, PATCH, side, PATCH, 3).transpose(0, 2, 1, 3, 4).reshape(side * side, -1)
    return cut.astype(np.float64) @ kernel.reshape(-1, WIDTH)


def quick_gelu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-1.702 * x))


def tanh_gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def clip_by_numpy(image: np.ndarray, w: Arrays) -> np.ndarray:
    x = np.vstack([w["embedding/class_embedding"], patches(image, w["embedding/kernel"])])
    x = normal(x + w["embedding/embeddings"], w, "pre_layer_norm", 1e-5)
    for i in range(LAYERS):
        block = f"encoder_block_{i}"
        inner = normal(x, w, f"{block}/layer_norm_1", 1e-5)
        x = x + attention(inner, inner, w, f"{block}/attention")
        inner = normal(x, w, f"{block}/layer_norm_2", 1e-5)
        x = x + mlp(inner, w, f"{block}/dense_1", f"{block}/dense_2", quick_gelu)
    return normal(x, w, "layer_norm", 1e-5)[0] @ w["vision_projection/kernel"]


def siglip_by_numpy(image: np.ndarray, w: Arrays) -> np.ndarray:
    x = patches(image, w["embedding/kernel"]) + w["embedding/bias"] + w["embedding/embeddings"]
    for i in range(LAYERS):
        block = f"encoder_block_{i}"
        inner = normal(x, w, f"{block}/layer_norm1", 1e-6)
        x = x + attention(inner, inner, w, f"{block}/self_attn")
        inner = normal(x, w, f"{block}/layer_norm2", 1e-6)
        x = x + mlp(inner, w, f"{block}/mlp/fc1", f"{block}/mlp/fc2", tanh_gelu)
    x = normal(x, w, "post_layer_norm", 1e-6)
    pooled = attention(w["head/probe"][0], x, w, "head/attention")
    return (pooled + mlp(normal(pooled, w, "head/layernorm", 1e-6), w, "head/mlp/fc1", "head/mlp/fc2", tanh_gelu))[0]


def dinov2_by_numpy(image: np.ndarray, w: Arrays) -> np.ndarray:
    x = patches(image, w["embeddings/projection/kernel"]) + w["embeddings/projection/bias"]
    x = np.vstack([w["embeddings/cls_token"][0], x]) + w["embeddings/interpolated_position_embeddings"][0]
    for i in range(LAYERS):
        block = f"layers_{i}"
        inner = normal(x, w, f"{block}/norm1", 1e-6)
        x = x + attention(inner, inner, w, f"{block}/attention/attention") * w[f"{block}/layer_scale1/lambda1"]
        inner = normal(x, w, f"{block}/norm2", 1e-6)
        x = x + mlp(inner, w, f"{block}/mlp/fc1", f"{block}/mlp/fc2", gelu) * w[f"{block}/layer_scale2/lambda1"]
    return normal(x, w, "layernorm", 1e-6)[0]


BY_NUMPY = {"clip": clip_by_numpy, "siglip": siglip_by_numpy, "dinov2": dinov2_by_numpy}


@pytest.mark.compare
@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("family", SMALL)
def test_embedding_is_that_of_numpy(family: str, photo: np.ndarray) -> None:
    backbone = SMALL[family].backbone()
    image = backbone.preprocess(photo)
    arrays = seeded(backbone)
    expected = BY_NUMPY[family](image, arrays)
    actual = computed(backbone, arrays, image)
    assert (backbone.feature_length, backbone.size) == (len(expected), SIZE)
    assert np.abs(actual - expected).max() < 1e-4 * np.abs(expected).max()
    assert actual.std() > 0.05
    pickle.dumps(backbone)  # it travels to workers
    half = computed(backbone, arrays, image, "bfloat16")
    assert (half.dtype, half.shape) == (np.float32, actual.shape)
    assert (actual * half).sum() / np.linalg.norm(actual) / np.linalg.norm(half) > 0.99


def preset(family: str, hub: Any) -> Any:
    """Like KerasHub's own presets: with a text encoder, and DINOv2 for pictures of another size."""
    import keras

    keras.utils.set_random_seed(3)
    texts = {**dict.fromkeys(UNUSED_TEXT, 6), "num_heads": 2}
    shape = (SIZE, SIZE, 3)
    if family == "clip":
        images = hub.models.CLIPVisionEncoder(**SIZES, image_shape=shape, name="as_it_likes")
        made = hub.models.CLIPBackbone(images, hub.models.CLIPTextEncoder(**texts), 5)
        positions = images.get_layer("as_it_likes_embedding").position_ids
        positions.assign(np.arange(17)[None])
        return made
    if family == "siglip":
        images = hub.models.SigLIPVisionEncoder(**SIZES, image_shape=shape)
        return hub.models.SigLIPBackbone(images, hub.models.SigLIPTextEncoder(**texts))
    return hub.models.DINOV2Backbone(**SIZES, position_embedding_shape=(48, 48), image_shape=(48, 48, 3))


@pytest.mark.compare
@pytest.mark.parametrize("family", SMALL)
def test_weights_are_those_of_kerashubs_preset(family: str, hub: Any, photo: np.ndarray, tmp_path: Path) -> None:
    whole = preset(family, hub)
    folder = tmp_path / "preset"
    whole.save_to_preset(str(folder))
    whole.save(tmp_path / "whole.keras")
    whole.save_weights(tmp_path / "whole.weights.h5")
    backbone = SMALL[family].backbone()
    image = backbone.preprocess(photo)
    if family == "dinov2":
        same = hub.models.DINOV2Backbone.from_preset(str(folder), image_shape=(SIZE, SIZE, 3))
        expected = np.asarray(same({"images": image[None]}))[0, 0]
    else:
        expected = np.asarray(whole.get_vision_embeddings(image[None]))[0]
    for source in ("preset", "whole.keras", "whole.weights.h5"):
        arrays = dict(read_weights(weight_source(str(tmp_path / source), has_presets=True), backbone))
        assert list(arrays) == list(backbone.weight_shapes)
        actual = computed(backbone, arrays, image)
        assert np.abs(actual - expected).max() < 1e-4 * np.abs(expected).max()
    write_npz(arrays.items(), str(tmp_path / "shipped" / "weights.npz"))  # as workers get them
    shipped = dict(read_weights(Shipped(str(tmp_path / "shipped" / "weights.npz")), backbone))
    assert all(np.array_equal(shipped[name], array) for name, array in arrays.items())


@pytest.mark.compare
def test_preset_of_another_size_is_refused(hub: Any, tmp_path: Path) -> None:
    preset("clip", hub).save_to_preset(str(tmp_path / "preset"))
    wider = replace(SMALL["clip"], sizes={**SIZES, "hidden_dim": 24})
    with pytest.raises(RunRefused, match="Keras cannot load it") as refused:
        list(read_weights(weight_source(str(tmp_path / "preset"), has_presets=True), wider.backbone()))
    assert "\n" not in str(refused.value)


@pytest.mark.compare
@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["nowhere", "page.keras", "nowhere.weights.h5"])
def test_path_that_is_not_a_preset_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "page.keras").write_text("<html>not found</html>")
    backbone = SMALL["clip"].backbone()
    with pytest.raises(RunRefused, match="cannot be read as weights .* expected a preset of KerasHub") as refused:
        list(read_weights(weight_source(str(tmp_path / name), has_presets=True), backbone))
    assert "\n" not in str(refused.value)


@pytest.mark.compare
@pytest.mark.usefixtures("hub")
def test_imagenet_weights_are_refused_for_a_preset() -> None:
    with pytest.raises(RunRefused, match="clip has none of imagenet's; download KerasHub's preset"):
        list(read_weights(ImageNet(), SMALL["clip"].backbone()))


@pytest.mark.compare
@pytest.mark.usefixtures("hub")
def test_layer_by_name_keeps_activations_within_its_block(photo: np.ndarray) -> None:
    """A block's activation belongs to it: it is not what `activation` leaves out."""
    backbone = SMALL["clip"].backbone(layer="encoder_block_1")
    assert backbone.layer == "encoder_block_1"
    assert backbone.feature_length == 17 * WIDTH
    arrays = seeded(SMALL["clip"].backbone())
    image = backbone.preprocess(photo)
    block = computed(backbone, {name: arrays[name] for name in backbone.weight_shapes}, image).reshape(17, WIDTH)
    embedding = normal(block, arrays, "layer_norm", 1e-5)[0] @ arrays["vision_projection/kernel"]
    assert embedding == pytest.approx(clip_by_numpy(image, arrays), rel=1e-3, abs=1e-4)
    with pytest.raises(RunRefused, match="encoder of dinov2 has several outputs"):
        SMALL["dinov2"].backbone(layer="encoder")


@pytest.mark.compare
@pytest.mark.usefixtures("hub")
def test_published_sizes_are_those_of_the_models() -> None:
    """Parameters of the image towers as published: ViT-B/16 of CLIP has 86.19 million with its projection."""
    backbone = backbone_named("clip_vit_base_patch16")
    assert backbone.feature_length == 512
    assert sum(int(np.prod(shape)) for shape in backbone.weight_shapes.values()) == 86_192_640


@pytest.mark.compare
def test_names_are_those_in_the_config_and_in_kerashub() -> None:
    assert list(PRESETS) == list(NAMES_IN_CONFIG)
    hub = pytest.importorskip("keras_hub", reason=WHY)
    presets = {
        **hub.models.CLIPBackbone.presets,
        **hub.models.SigLIPBackbone.presets,
        **hub.models.DINOV2Backbone.presets,
    }
    assert set(PRESETS) <= set(presets)


def test_without_kerashub_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(RunRefused, match=r"need KerasHub.*pip install streetdeciles\[encoders\]") as refused:
        backbone_named("dinov2_base")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "shorter", "means", "deviations"),
    [
        ("clip_vit_base_patch16", 224, (0.481, 0.458, 0.408), (0.269, 0.261, 0.276)),
        ("dinov2_base", 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
@pytest.mark.parametrize("photo_name", ["lund_03", "mapillary_06"])
def test_preprocessing_is_resize_and_centre_crop(
    name: str, shorter: int, means: Any, deviations: Any, photo_name: str
) -> None:
    """Compared with torchvision's two steps; ours computes only the crop, so levels may be rounded differently."""
    with Image.open(DATA / "photos" / f"{photo_name}.jpg") as opened:
        whole = opened.convert("RGB")
    width, height = whole.size  # landscape
    size = 224
    resized = whole.resize((int(shorter * width / height), shorter), Image.Resampling.BICUBIC)
    left, top = round((resized.width - size) / 2), round((shorter - size) / 2)
    cut = np.asarray(resized.crop((left, top, left + size, top + size)), dtype=np.float64)
    actual = PRESETS[name].preprocess(size)(np.asarray(whole))
    assert (actual.dtype, actual.shape) == (np.float32, (size, size, 3))
    levels = (actual * np.array(deviations) + np.array(means)) * 255
    assert np.abs(levels - cut).max() < 1.3


def test_siglip_sees_the_whole_photograph(photo: np.ndarray) -> None:
    preprocess = PRESETS["siglip_base_patch16_224"].preprocess
    expected = np.asarray(Image.fromarray(photo).resize((224, 224), Image.Resampling.BICUBIC)) / 127.5 - 1
    assert np.abs(preprocess(224)(photo) - expected).max() < 1e-6
    assert preprocess(224).antialiased() == preprocess(224)


@pytest.mark.parametrize("shape", [(1, 20_000, 3), (20_000, 1, 3), (1, 1, 3), (3, 2, 3)])
def test_extreme_shapes_are_preprocessed(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 200, dtype=np.uint8)
    for known in (PRESETS["clip_vit_base_patch16"], PRESETS["dinov2_base"], PRESETS["siglip_base_patch16_224"]):
        actual = known.preprocess(224)(image)
        assert actual.shape == (224, 224, 3)
        assert np.ptp(actual, axis=(0, 1)).max() < 1e-6


def test_config_takes_a_presets_folder_and_no_imagenet() -> None:
    assert FeaturesConfig(backbone="dinov2_base", weights="presets/dinov2_base").weights == "presets/dinov2_base"
    assert FeaturesConfig(backbone="dinov2_base", weights="random:1").weights == "random:1"
    with pytest.raises(ValueError, match="dinov2_base has none of imagenet's"):
        FeaturesConfig(backbone="dinov2_base")
    with pytest.raises(ValueError, match="must be imagenet, random:<seed>"):
        FeaturesConfig(weights="presets/dinov2_base")
