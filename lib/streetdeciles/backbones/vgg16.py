"""VGG16 up to fc6 before its ReLU, the reference's features."""

from __future__ import annotations

from functools import partial

from streetdeciles.backbones.vgg import vgg

vgg16 = partial(
    vgg,
    "vgg16",
    (2, 2, 3, 3, 3),
    ("vgg16_weights_tf_dim_ordering_tf_kernels.h5", "64373286793e3c8b2b4e3219cbf3544b"),
)
VGG16 = vgg16()
