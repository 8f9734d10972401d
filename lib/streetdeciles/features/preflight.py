"""What the stage features can see before a run: whether the network's weights can be had."""

from __future__ import annotations

from streetdeciles.backbones.registry import check_weights
from streetdeciles.config import RunConfig


def preflight(config: RunConfig) -> None:
    """RunRefused where layer or weights are not fit for the backbone, or ImageNet's cannot be downloaded."""
    features = config.features
    check_weights(features.weight_source, features.backbone_source, layer=features.layer)
