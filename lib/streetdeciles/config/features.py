"""The section `features`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streetdeciles.config.section import NEUTRAL, Positive, Section

ENCODERS = (
    "clip_vit_base_patch16",
    "clip_vit_base_patch32",
    "clip_vit_large_patch14",
    "siglip_base_patch16_224",
    "dinov2_small",
    "dinov2_base",
    "dinov2_large",
)
BACKBONES = ("vgg16", "vgg19", "resnet50", "efficientnetv2b0", "convnext_tiny", *ENCODERS)
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

    @model_validator(mode="before")
    @classmethod
    def _saved_model_has_weights(cls, values: Any) -> Any:
        if isinstance(values, dict) and str(values.get("backbone", "")).endswith(".keras"):
            return {"weights": values["backbone"], **values}
        return values

    @model_validator(mode="after")
    def _imagenet_is_for_names(self) -> FeaturesConfig:
        if self.backbone.endswith(".keras") and self.weights == "imagenet":
            raise ValueError("weights: imagenet's are there for backbones by name; leave weights out to use the file's")
        if self.backbone in ENCODERS and self.weights == "imagenet":
            raise ValueError(f"weights: {self.backbone} has none of imagenet's; give the folder of KerasHub's preset")
        return self

    @field_validator("backbone")
    @classmethod
    def _known_backbone(cls, backbone: str) -> str:
        if backbone in BACKBONES or backbone.endswith(".keras"):
            return backbone
        raise ValueError(f"must be {', '.join(BACKBONES)}, or a .keras file")

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, weights: str, info: ValidationInfo) -> str:
        kind, _, seed = weights.partition(":")
        if weights == "imagenet" or (kind == "random" and seed.isdigit()):
            return weights
        if weights.endswith((".h5", ".keras", ".npy")):
            return weights
        if info.data.get("backbone") in ENCODERS and kind != "random":
            return weights
        raise ValueError("must be imagenet, random:<seed>, or a .h5, .weights.h5, .keras or .npy file")


def network_files(features: FeaturesConfig) -> dict[str, str]:
    """The fields `backbone` and `weights`, where they hold a file or a folder and not a name."""
    found = {"backbone": features.backbone, "weights": features.weights}
    folder = features.backbone in ENCODERS and not features.weights.startswith("random:")
    files = {name: value for name, value in found.items() if value.endswith((".h5", ".keras", ".npy"))}
    return {**files, "weights": features.weights} if folder else files
