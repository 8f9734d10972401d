"""How photographs are prepared, and what tells features apart, by the config."""

from __future__ import annotations

from typing import Any

from streetdeciles.config import FeaturesConfig, ImagesConfig
from streetdeciles.extraction.gpu_decoding import ENGINES, GPU_PIXELS
from streetdeciles.extraction.panorama import PanoramaViews
from streetdeciles.extraction.preparing import Preparation
from streetdeciles.extraction.watch import MAX_DECODING_S
from streetdeciles.features.image_network import ImageNetwork

FEATURE_VERSION = 1
"""To be raised whenever the same settings give different features than before."""


def fingerprint_of(network: ImageNetwork, features: FeaturesConfig, images: ImagesConfig) -> dict[str, Any]:
    """Everything that changes features; shards of another fingerprint are never mixed with these."""
    fingerprint = {
        **network.fingerprint,
        "store": features.store,
        "max_pixels": features.max_pixels,
        "feature_version": FEATURE_VERSION,
    }
    if features.min_pixels > 1:  # not the default: shards made before there was one stay valid
        fingerprint["min_pixels"] = features.min_pixels
    if features.decoder == "gpu":
        fingerprint["decoder"] = GPU_PIXELS
    if images.panorama is not None:
        fingerprint["panorama"] = str(_panorama_views(images))
    return fingerprint


def preparation_of(network: ImageNetwork, features: FeaturesConfig, images: ImagesConfig) -> Preparation:
    """How the config wants photographs prepared for this network."""
    return Preparation(
        network.preprocess,
        features.max_pixels,
        features.decode_threads,
        features.store,
        _panorama_views(images),
        min_pixels=features.min_pixels,
        max_decoding_s=MAX_DECODING_S,
        back_end=ENGINES if features.decoder == "gpu" else None,
    )


def _panorama_views(images: ImagesConfig) -> PanoramaViews | None:
    panorama = images.panorama
    return None if panorama is None else PanoramaViews(tuple(panorama.headings), panorama.field_of_view)
