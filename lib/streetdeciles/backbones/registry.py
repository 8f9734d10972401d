"""Backbones by name, or from a file."""

from __future__ import annotations

from streetdeciles import storage
from streetdeciles.backbone_sources import BackboneSource, ModelConfig, ModelFile, Named, WeightSource
from streetdeciles.backbones.applications import APPLICATIONS
from streetdeciles.backbones.backbone import Backbone, Family
from streetdeciles.backbones.clip import CLIP
from streetdeciles.backbones.dinov2 import DINOV2
from streetdeciles.backbones.saved_models import SavedModel, read_config
from streetdeciles.backbones.siglip import SIGLIP
from streetdeciles.backbones.vgg import VGG
from streetdeciles.errors import RunRefused

BACKBONES: dict[str, Family] = {family.name: family for family in (*VGG, *APPLICATIONS, *CLIP, *SIGLIP, *DINOV2)}


def backbone_named(name: str, *, layer: str | None = None, activation: bool = False) -> Backbone:
    """The backbone of that name; RunRefused lists the known ones.

    Args:
        layer: by its name in Keras; None for the one that the backbone is known for.
        activation: whether that layer's own activation is part of the features.

    >>> backbone = backbone_named("vgg16", layer="fc2")
    >>> backbone.layer, backbone.feature_length
    ('fc2 before its activation', 4096)
    """
    return _family(Named(name)).backbone(layer=layer, activation=activation)


def backbone_from(source: BackboneSource, *, layer: str | None = None, activation: bool = False) -> Backbone:
    """The backbone that a config names, or that a model's config describes; as `backbone_named`."""
    return _family(source).backbone(layer=layer, activation=activation)


def for_workers(source: BackboneSource) -> BackboneSource:
    """The same backbone without a file, so that machines that cannot see the file can make it."""
    return ModelConfig(read_config(source.path)) if isinstance(source, ModelFile) else source


def check_weights(weights: WeightSource, source: BackboneSource, *, layer: str | None = None) -> None:
    """RunRefused if `weights` cannot be weights of the backbone, within seconds and before a run.

    Only local files are opened, no model is built and no numbers are read, so a file may still be refused later.
    """
    if isinstance(source, ModelFile) and not storage.is_local(source.path):
        return  # the check of the config has made sure that it exists
    _family(source).check_weights(weights, layer=layer)


def _family(source: BackboneSource) -> Family:
    match source:
        case ModelFile(path):
            return SavedModel(read_config(path))
        case ModelConfig(json):
            return SavedModel(json)
        case Named(name) if name in BACKBONES:
            return BACKBONES[name]
        case Named(name):
            raise RunRefused(
                f"features.backbone: {name!r} is not known; known: {', '.join(BACKBONES)}, and the path of a .keras "
                "file"
            )
