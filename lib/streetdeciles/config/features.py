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
    """A name such as `vgg16` or `clip_vit_base_patch32` (all are in docs/tutorial.md), or a .keras file of Keras 3."""
    weights: str = "imagenet"
    """`imagenet`, `random:<seed>`, or a file: Keras' .h5, .weights.h5 or .keras, or machrisaa's vgg16.npy.

    A backbone that is a .keras file has its own; that is its default. Of CLIP, SigLIP and DINOv2:
    random:<seed>, or a preset of KerasHub, as its folder, its .weights.h5 or a .keras file.
    """
    layer: str | None = None
    """Whose output are the features, by its name in Keras; null: fc1 of VGG, the pooled features of the others.

    What is not flat is flattened. Of a .keras file null is the last layer.
    """
    activation: bool = False
    """Whether the layer's own activation, e.g. fc1's ReLU, is applied."""
    antialias: bool = False
    """Whether photographs are scaled with anti-aliasing; the reference does it without."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the backbone. `auto` depends on the machine: bfloat16 where the CPU or GPU has it, else float32.
    Name one of the two to get the same features on every machine."""
    store: Literal["float32", "float16"] = "float32"
    """`float16`: rounded to it, in the same column of float32, which then takes half the space on disk."""
    max_pixels: Positive = 50_000_000
    """A photograph of more pixels is a reject (`too_large`)."""
    min_pixels: Positive = 1
    """A photograph of fewer pixels is a reject (`too_small`)."""
    device: Annotated[Literal["auto", "gpu", "cpu"], NEUTRAL] = "auto"
    """What computes; `auto`: a GPU where there is one."""
    batch_size: Annotated[Annotated[int, Field(ge=1, le=4096)] | Literal["auto"], NEUTRAL] = "auto"
    """Photographs a step of the network; `auto`: 8 on a CPU, where each core has a batch of its own; 128 on a GPU."""
    decode_threads: Annotated[int, NEUTRAL, Field(ge=1, le=256)] = 4
    """Photographs that one task reads and decodes at a time."""

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
            raise ValueError("weights: imagenet's are there for backbones by name; leave weights out to use the file's")
        if self.weight_source == ImageNet() and self.backbone in PRESETS:
            raise ValueError(f"weights: {self.backbone} has none of imagenet's; give the folder of KerasHub's preset")
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
    files = {"backbone": features.backbone} if isinstance(features.backbone_source, ModelFile) else {}
    is_name = isinstance(features.weight_source, Seeded | ImageNet)
    return files if is_name else {**files, "weights": features.weights}
