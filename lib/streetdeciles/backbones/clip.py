"""CLIP's image encoders up to the joint embedding of pictures and texts (Radford et al. 2021, arXiv 2103.00020)."""

from __future__ import annotations

from functools import partial
from typing import Any

from streetdeciles.backbones.preprocessing import normalised
from streetdeciles.backbones.presets import UNUSED_TEXT, Embedder, HubBackbone, vit_sizes

MEANS, DEVIATIONS = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def _make(hub: Any, preset: HubBackbone) -> Embedder:
    from keras import layers

    shape = (preset.size, preset.size, 3)
    images = hub.models.CLIPVisionEncoder(**preset.sizes, image_shape=shape)
    whole = hub.models.CLIPBackbone(images, hub.models.CLIPTextEncoder(**UNUSED_TEXT), preset.projection)
    projection = layers.Dense(preset.projection, use_bias=False, name="vision_projection")
    embedding = projection(images.outputs[0][:, 0])  # of the class token
    return Embedder(whole, [whole.text_encoder, whole.text_projection], images.inputs[0], embedding, projection)


clip = partial(
    HubBackbone,
    make=_make,
    layer="vision_projection",
    preprocess=partial(normalised, shorter=224, means=MEANS, deviations=DEVIATIONS),
    preprocessing="rgb, CLIP's means and deviations, shorter side 224, middle {size}, bicubic, 1",
)

CLIP = (
    clip("clip_vit_base_patch16", sizes=vit_sizes(16, 768, 12), projection=512),
    clip("clip_vit_base_patch32", sizes=vit_sizes(32, 768, 12), projection=512),
    clip("clip_vit_large_patch14", sizes=vit_sizes(14, 1024, 24), projection=768),
)
