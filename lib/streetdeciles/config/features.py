"""The section `features`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streetdeciles.backbone_sources import (
    BackboneSource,
    ImageNet,
    ModelFile,
    Seeded,
    WeightSource,
    backbone_source,
    weight_source,
)
from streetdeciles.config.section import NEUTRAL, Positive, Section

PRESETS = (
    "clip_vit_base_patch16",
    "clip_vit_base_patch32",
    "clip_vit_large_patch14",
    "siglip_base_patch16_224",
    "dinov2_small",
    "dinov2_base",
    "dinov2_large",
)
"""Names of KerasHub's presets."""

BACKBONES = ("vgg16", "vgg19", "resnet50", "efficientnetv2b0", "convnext_tiny", *PRESETS)
"""As in `backbones/registry.py`, which is not needed to read a config."""


class FeaturesConfig(Section):
    backbone: str = "vgg16"
    """The pre-trained network that computes the features: a name such as `vgg16` or `clip_vit_base_patch32` (all are in
    docs/encoders.md), or a .keras file of Keras 3."""
    weights: str = "imagenet"
    """The backbone's weights: `imagenet` downloads them, `random:<seed>` draws them, and a path or URI is a file:
    Keras' .h5, .weights.h5 or .keras, or machrisaa's vgg16.npy. A backbone that is a .keras file has its own weights by
    default. CLIP, SigLIP and DINOv2 need random:<seed>, or a KerasHub preset: its folder, .weights.h5 or .keras
    file."""
    layer: str | None = None
    """The layer whose flattened output is the features, by its name in Keras. Null is fc1 for VGG, the last layer of a
    .keras file, and the pooled features of the other backbones."""
    activation: bool = False
    """Apply the layer's own activation, e.g. fc1's ReLU."""
    antialias: bool = False
    """Scale photographs with anti-aliasing, which the reference does not."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the backbone. `auto` is bfloat16 if the CPU or GPU has instructions for it, else float32, so
    features depend on the machine; set one of the two to get the same features everywhere."""
    store: Literal["float32", "float16"] = "float32"
    """Precision of the features on disk. `float16` rounds them, in the same float32 column, and takes half the
    space."""
    max_pixels: Positive = 50_000_000
    """A photograph with more pixels is a reject (`too_large`); a larger limit needs more memory."""
    min_pixels: Positive = 1
    """A photograph with fewer pixels is a reject (`too_small`)."""
    device: Annotated[Literal["auto", "gpu", "cpu"], NEUTRAL] = "auto"
    """The device that computes; `auto` uses a GPU if there is one."""
    decoder: Literal["auto", "cpu", "gpu"] = "auto"
    """What decodes plain JPEGs: `gpu` is the JPEG engines of an NVIDIA GPU (A100, H100, L4), with the extra gpu-decode.
    Their pixels differ by up to one of 256 levels from the CPU's, so features get a fingerprint of their own; `auto` is
    `cpu`. Everything but plain JPEGs is always decoded on the CPU."""
    batch_size: Annotated[Annotated[int, Field(ge=1, le=4096)] | Literal["auto"], NEUTRAL] = "auto"
    """Photographs per step of the backbone; a larger value needs more memory. `auto` is up to 256 on a GPU, as
    many as the backbone has room for in a task's part of its memory, and 8 on a CPU, where each core has its own."""
    decode_threads: Annotated[int, NEUTRAL, Field(ge=1, le=256)] = 4
    """Photographs that one task reads and decodes at the same time; more keep a fast GPU busy and need more memory."""

    @property
    def backbone_source(self) -> BackboneSource:
        """The key `backbone`, parsed."""
        return backbone_source(self.backbone)

    @property
    def weight_source(self) -> WeightSource:
        """The key `weights`, parsed."""
        return weight_source(self.weights, has_presets=self.backbone in PRESETS)

    @model_validator(mode="before")
    @classmethod
    def _saved_model_has_weights(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(backbone_source(str(values.get("backbone", ""))), ModelFile):
            return {"weights": values["backbone"], **values}
        return values

    @model_validator(mode="after")
    def _imagenet_is_for_names(self) -> FeaturesConfig:
        if self.weight_source == ImageNet() and isinstance(self.backbone_source, ModelFile):
            raise ValueError("weights: imagenet is only for backbones by name; leave weights out to use the file's")
        if self.weight_source == ImageNet() and self.backbone in PRESETS:
            raise ValueError(f"weights: {self.backbone} has none of imagenet's; give the folder of KerasHub's preset")
        return self

    @model_validator(mode="after")
    def _gpu_that_decodes_computes(self) -> FeaturesConfig:
        if self.decoder == "gpu" and self.device == "cpu":
            raise ValueError("decoder: gpu needs device: auto or gpu, since device: cpu hides the GPU")
        return self

    @field_validator("backbone")
    @classmethod
    def _known_backbone(cls, backbone: str) -> str:
        if backbone in BACKBONES or isinstance(backbone_source(backbone), ModelFile):
            return backbone
        raise ValueError(f"must be {', '.join(BACKBONES)}, or a .keras file")

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, weights: str, info: ValidationInfo) -> str:
        weight_source(weights, has_presets=info.data.get("backbone") in PRESETS)
        return weights


def network_files(features: FeaturesConfig) -> dict[str, str]:
    """The fields `backbone` and `weights`, where they hold a file or a folder and not a name."""
    if features.is_absent:
        return {}
    files = {"backbone": features.backbone} if isinstance(features.backbone_source, ModelFile) else {}
    is_name = isinstance(features.weight_source, Seeded | ImageNet)
    return files if is_name else {**files, "weights": features.weights}
