"""DINOv2 up to its class token (Oquab et al. 2023, arXiv 2304.07193)."""

from __future__ import annotations

from functools import partial
from typing import Any

from streetdeciles.backbones.preprocessing import normalised
from streetdeciles.backbones.presets import Embedder, HubBackbone, vit_sizes

MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's colours."""


def _make(hub: Any, preset: HubBackbone) -> Embedder:
    from keras import layers

    whole = hub.models.DINOV2Backbone(**preset.sizes, image_shape=(preset.size, preset.size, 3))
    return Embedder(whole, [], whole.inputs[0], layers.Activation("linear", name="cls_token")(whole.outputs[0][:, 0]))


dinov2 = partial(
    HubBackbone,
    make=_make,
    layer="cls_token",
    preprocess=partial(normalised, shorter=256, means=MEANS, deviations=DEVIATIONS),
    preprocessing="rgb, ImageNet's means and deviations, shorter side 256, middle {size}, bicubic, 1",
)

DINOV2 = (
    dinov2("dinov2_small", sizes=vit_sizes(14, 384, 12)),
    dinov2("dinov2_base", sizes=vit_sizes(14, 768, 12)),
    dinov2("dinov2_large", sizes=vit_sizes(14, 1024, 24)),
)
