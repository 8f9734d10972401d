"""ResNet50, EfficientNetV2-B0 and ConvNeXt-Tiny, as `keras.applications` has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.backbone_sources import CaffeWeights, ImageNet, KerasModel, KerasWeights, WeightSource
from streetdeciles.backbones.backbone import Array, Backbone, Shapes
from streetdeciles.backbones.imagenet import KERAS_FILES, cannot_download, check_available
from streetdeciles.backbones.keras_models import RGB, WholeModel, computing_in
from streetdeciles.backbones.preprocessing import Preprocessing, bgr_minus_means, scaled_centre_crop
from streetdeciles.backbones.variables import model_arrays
from streetdeciles.backbones.weight_files import check_file, checked, no_such_weights, read_file

if TYPE_CHECKING:
    import keras

BGR = "bgr minus means, {size}, bilinear without anti-aliasing, 1"


@dataclass(frozen=True)
class Application:
    """One of `keras.applications`."""

    name: str
    builder: str
    """The function that builds it there."""
    layer: str
    """The layer whose output the features are, if the config names no other."""
    preprocessing: str
    preprocess: Callable[[int], Preprocessing]
    imagenet: str
    """Keras' file of its weights, below KERAS_FILES."""

    def backbone(self, *, layer: str | None = None, activation: bool = False) -> Backbone:
        whole = WholeModel(
            self.name,
            partial(_make, builder=self.builder),
            self.preprocessing,
            self.preprocess,
            partial(_stored_weights, self),
        )
        return whole.up_to(layer or self.layer, activation=activation)

    def check_weights(self, source: WeightSource, *, layer: str | None = None) -> None:
        match source:
            case ImageNet():
                check_available(f"{KERAS_FILES}/{self.imagenet}")
            case KerasWeights() | KerasModel() | CaffeWeights():
                check_file(source, self.name)


APPLICATIONS = (
    Application(
        "resnet50",
        "ResNet50",
        "avg_pool",
        BGR,
        bgr_minus_means,
        "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
    ),
    Application(
        "efficientnetv2b0",
        "EfficientNetV2B0",
        "avg_pool",
        RGB,
        scaled_centre_crop,
        "efficientnet_v2/efficientnetv2-b0.h5",
    ),
    Application(
        "convnext_tiny",
        "ConvNeXtTiny",
        "convnext_tiny_head_layernorm",
        RGB,
        scaled_centre_crop,
        "convnext/convnext_tiny.h5",
    ),
)


def _make(precision: str, *, builder: str, weights: str | None = None) -> keras.Model:
    import keras

    with computing_in(precision):
        return getattr(keras.applications, builder)(weights=weights)


def _stored_weights(known: Application, source: WeightSource, shapes: Shapes) -> Iterator[tuple[str, Array]]:
    match source:
        case ImageNet():
            try:
                model = _make("float32", builder=known.builder, weights="imagenet")
            except Exception as error:  # Keras wraps what urllib and the file system raise in bare exceptions
                raise cannot_download(f"the weights of {known.name}", error) from error
            arrays = model_arrays(model)
            yield from checked("imagenet", ((key, arrays.get(key)) for key in shapes), shapes)
        case KerasWeights() | KerasModel() | CaffeWeights():
            yield from read_file(source, known.name, shapes=shapes)
        case _:
            raise no_such_weights(source, known.name)
