"""SigLIP's image encoder up to its pooled embedding (Zhai et al. 2023, arXiv 2303.15343)."""

from __future__ import annotations

from functools import partial
from typing import Any

from streetdeciles.backbones.preprocessing import normalised
from streetdeciles.backbones.presets import UNUSED_TEXT, Embedder, HubBackbone, vit_sizes

HALVES = (0.5, 0.5, 0.5)


def _make(hub: Any, preset: HubBackbone) -> Embedder:
    images = hub.models.SigLIPVisionEncoder(**preset.sizes, image_shape=(preset.size, preset.size, 3))
    whole = hub.models.SigLIPBackbone(images, hub.models.SigLIPTextEncoder(**UNUSED_TEXT))
    return Embedder(whole, [whole.text_encoder], images.inputs[0], images.outputs[0])


siglip = partial(
    HubBackbone,
    make=_make,
    layer="head",
    preprocess=partial(normalised, shorter=None, means=HALVES, deviations=HALVES),
    preprocessing="rgb from -1 to 1, both sides to {size}, bicubic, 1",
)

SIGLIP = (siglip("siglip_base_patch16_224", sizes=vit_sizes(16, 768, 12)),)
