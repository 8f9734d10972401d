"""Image encoders out of KerasHub by the names of its presets: CLIP, SigLIP and DINOv2, up to a photograph's embedding.

KerasHub is an extra, and nothing but this module imports it. Sizes are those of the published models (Radford et al.
2021, arXiv 2103.00020; Zhai et al. 2023, arXiv 2303.15343; Oquab et al. 2023, arXiv 2304.07193).
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streetdeciles import storage
from streetdeciles.backbones.applications import computing_in, up_to_layer
from streetdeciles.backbones.backbone import Array, Backbone
from streetdeciles.backbones.keras_files import check_weights_file
from streetdeciles.backbones.preprocessing import normalised
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import keras

CLIP_MEANS, CLIP_DEVIATIONS = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEANS, IMAGENET_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5, 0.5, 0.5)
UNUSED_TEXT = {
    "vocabulary_size": 1,
    "embedding_dim": 1,
    "hidden_dim": 1,
    "num_layers": 1,
    "num_heads": 1,
    "intermediate_dim": 1,
    "max_sequence_length": 1,
}
"""KerasHub's CLIP and SigLIP are made with an encoder of texts; this one is never run, and its weights are not read."""


class Made(NamedTuple):
    """An encoder as KerasHub has it."""

    whole: keras.Model
    """What its weight files belong to."""
    not_read: list[Any]
    """Layers of the whole whose weights are left in the file."""
    images: Any
    embedding: Any
    projection: keras.layers.Layer | None = None
    """Of CLIP: does what the whole's `vision_projection` does, which is already part of another model."""


@dataclass(frozen=True)
class Encoder:
    """One of KerasHub's presets; `sizes` are the arguments of its class there."""

    make: Callable[[Any, Encoder], Made]
    layer: str
    """Whose output is the embedding."""
    preprocess: Callable[..., Array]
    preprocessing: str
    sizes: Mapping[str, Any]
    size: int = 224
    projection: int = 0
    """Length of CLIP's embedding."""


def encoder(name: str, *, layer: str | None = None, activation: bool = False) -> Backbone:
    """The encoder of that name up to `layer`, or to the embedding of the whole photograph."""
    return encoder_backbone(name, ENCODERS[name], layer=layer, activation=activation)


def encoder_backbone(name: str, known: Encoder, *, layer: str | None = None, activation: bool = False) -> Backbone:
    return up_to_layer(
        name,
        partial(_embedding_model, known),
        layer or known.layer,
        activation=activation,
        preprocessing=known.preprocessing,
        preprocess=known.preprocess,
        load=partial(_load, name, known),
    )


def _embedding_model(known: Encoder, precision: str) -> keras.Model:
    with computing_in(precision):
        return _model(known.make(_keras_hub(), known))


def _load(name: str, known: Encoder, source: str) -> keras.Model:
    """The network with the weights of a preset of KerasHub: its folder, its .weights.h5, or a .keras file of it."""
    if source == "imagenet":
        raise RunRefused(
            f"features.weights: {name} has none of imagenet's; download KerasHub's preset {name} where there is a "
            "network, and set features.weights to its folder, or use random:<seed>"
        )
    with computing_in("float32"), _weight_file(source) as path:
        made = known.make(_keras_hub(), known)
        made.whole.load_weights(path, objects_to_skip=made.not_read)
        if made.projection is not None:
            made.projection.set_weights(made.whole.vision_projection.get_weights())
        return _model(made)


def _model(made: Made) -> keras.Model:
    from keras import Model, ops

    model = Model(made.images, made.embedding)
    for variable in model.variables:
        if variable.path.endswith("position_ids"):  # KerasHub's CLIP has zeros here until weights are loaded
            variable.assign(ops.reshape(ops.arange(variable.shape[1], dtype=variable.dtype), variable.shape))
    return model


@contextmanager
def _weight_file(source: str) -> Iterator[str]:
    """A local copy of the .weights.h5 in any of them."""
    if not source.endswith((".keras", ".weights.h5")):
        source = storage.join(source, "model.weights.h5")
    fs, path = storage.filesystem(source)
    with tempfile.NamedTemporaryFile(suffix=".weights.h5") as local:
        try:
            if source.endswith(".keras"):
                with fs.open(path, "rb") as file, zipfile.ZipFile(file) as archive:
                    about = archive.getinfo("model.weights.h5")
                    if about.file_size != about.compress_size:
                        raise RunRefused(f"{source}: refused, its weights are compressed, which Keras does not do")
                    shutil.copyfileobj(archive.open("model.weights.h5"), local)
                    local.flush()
            else:
                fs.get_file(path, local.name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise RunRefused(
                f"{source}: cannot be read as weights ({' '.join(str(error).split())[:160]}); expected a preset of "
                "KerasHub: its folder with model.weights.h5 in it, a .weights.h5, or a .keras file"
            ) from error
        with Path(local.name).open("rb") as file:
            check_weights_file(file, source)
        yield local.name


def _keras_hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise RunRefused(
            f"features.backbone: CLIP, SigLIP and DINOv2 need KerasHub, which cannot be imported here ({error}); "
            "pip install streetdeciles[encoders], on every machine that computes"
        ) from error
    return keras_hub


def _clip(hub: Any, known: Encoder) -> Made:
    from keras import layers

    shape = (known.size, known.size, 3)
    images = hub.models.CLIPVisionEncoder(**known.sizes, image_shape=shape)
    whole = hub.models.CLIPBackbone(images, hub.models.CLIPTextEncoder(**UNUSED_TEXT), known.projection)
    projection = layers.Dense(known.projection, use_bias=False, name="vision_projection")
    embedding = projection(images.outputs[0][:, 0])  # of the class token
    return Made(whole, [whole.text_encoder, whole.text_projection], images.inputs[0], embedding, projection)


def _siglip(hub: Any, known: Encoder) -> Made:
    images = hub.models.SigLIPVisionEncoder(**known.sizes, image_shape=(known.size, known.size, 3))
    whole = hub.models.SigLIPBackbone(images, hub.models.SigLIPTextEncoder(**UNUSED_TEXT))
    return Made(whole, [whole.text_encoder], images.inputs[0], images.outputs[0])


def _dinov2(hub: Any, known: Encoder) -> Made:
    from keras import layers

    whole = hub.models.DINOV2Backbone(**known.sizes, image_shape=(known.size, known.size, 3))
    return Made(whole, [], whole.inputs[0], layers.Activation("linear", name="cls_token")(whole.outputs[0][:, 0]))


def _sizes(patch: int, width: int, layers: int) -> dict[str, Any]:
    return {
        "patch_size": patch,
        "hidden_dim": width,
        "num_layers": layers,
        "num_heads": width // 64,
        "intermediate_dim": 4 * width,
    }


clip = partial(
    Encoder,
    _clip,
    "vision_projection",
    partial(normalised, shorter=224, means=CLIP_MEANS, deviations=CLIP_DEVIATIONS),
    "rgb, CLIP's means and deviations, shorter side 224, middle {size}, bicubic, 1",
)
siglip = partial(
    Encoder,
    _siglip,
    "head",
    partial(normalised, shorter=None, means=HALVES, deviations=HALVES),
    "rgb from -1 to 1, both sides to {size}, bicubic, 1",
)
dinov2 = partial(
    Encoder,
    _dinov2,
    "cls_token",
    partial(normalised, shorter=256, means=IMAGENET_MEANS, deviations=IMAGENET_DEVIATIONS),
    "rgb, ImageNet's means and deviations, shorter side 256, middle {size}, bicubic, 1",
)

ENCODERS = {
    "clip_vit_base_patch16": clip(_sizes(16, 768, 12), projection=512),
    "clip_vit_base_patch32": clip(_sizes(32, 768, 12), projection=512),
    "clip_vit_large_patch14": clip(_sizes(14, 1024, 24), projection=768),
    "siglip_base_patch16_224": siglip(_sizes(16, 768, 12)),
    "dinov2_small": dinov2(_sizes(14, 384, 12)),
    "dinov2_base": dinov2(_sizes(14, 768, 12)),
    "dinov2_large": dinov2(_sizes(14, 1024, 24)),
}
