"""Backbones by name."""

from __future__ import annotations

from streetdeciles.backbones.backbone import Backbone
from streetdeciles.backbones.vgg16 import VGG16
from streetdeciles.errors import RunRefused

BACKBONES = {backbone.name: backbone for backbone in (VGG16,)}


def backbone_named(name: str) -> Backbone:
    """The backbone of that name; RunRefused lists the known ones."""
    if name not in BACKBONES:
        raise RunRefused(f"features.backbone: {name!r} is not known; known: {', '.join(BACKBONES)}")
    return BACKBONES[name]
