"""Backbones by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from streetdeciles.backbones.applications import APPLICATIONS, application, saved_model
from streetdeciles.backbones.backbone import Backbone
from streetdeciles.backbones.encoders import ENCODERS, encoder
from streetdeciles.backbones.vgg import vgg
from streetdeciles.backbones.vgg16 import vgg16
from streetdeciles.errors import RunRefused

vgg19 = partial(
    vgg,
    "vgg19",
    (2, 2, 4, 4, 4),
    ("vgg19_weights_tf_dim_ordering_tf_kernels.h5", "cbe5617147190e668d6c5d5026f83318"),
)

BACKBONES: dict[str, Callable[..., Backbone]] = {
    "vgg16": vgg16,
    "vgg19": vgg19,
    **{name: partial(application, name) for name in APPLICATIONS},
    **{name: partial(encoder, name) for name in ENCODERS},
}


def backbone_named(name: str, *, layer: str | None = None, activation: bool = False) -> Backbone:
    """The backbone of that name, or in that `.keras` file; RunRefused lists the known ones.

    Args:
        name: of a backbone, or a path or URI that ends in `.keras`, or such a model's config as JSON.
        layer: by its name in Keras; None for the one that the backbone is known for.
        activation: whether that layer's own activation is part of the features.
    """
    if name.endswith(".keras") or name.startswith("{"):
        return saved_model(name, layer=layer, activation=activation)
    if name not in BACKBONES:
        raise RunRefused(
            f"features.backbone: {name!r} is not known; known: {', '.join(BACKBONES)}, and the path of a .keras file"
        )
    return BACKBONES[name](layer=layer, activation=activation)
