"""Checks of the stage features before a run: the network's weights, and a local run's GPU that decodes."""

from __future__ import annotations

from streetdeciles.backbones.registry import check_weights
from streetdeciles.config import RunConfig
from streetdeciles.extraction.gpu_decoding import refuse_without_gpu


def preflight(config: RunConfig) -> None:
    """RunRefused where layer or weights do not fit the backbone, or weights or a GPU that decodes are missing.

    What a cluster's workers have is only known when they start.
    """
    features = config.features
    check_weights(features.weight_source, features.backbone_source, layer=features.layer)
    if features.decoder == "gpu" and config.spark.master.startswith("local"):
        refuse_without_gpu()
