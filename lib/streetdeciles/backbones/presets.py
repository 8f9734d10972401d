"""KerasHub's presets, up to a photograph's embedding: what CLIP, SigLIP and DINOv2 have in common.

KerasHub is an extra, and only this module imports it.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streetdeciles import storage
from streetdeciles.backbone_sources import CaffeWeights, ImageNet, KerasModel, KerasWeights, Preset, WeightSource
from streetdeciles.backbones.backbone import Array, Backbone, Shapes
from streetdeciles.backbones.keras_files import check_weights_file
from streetdeciles.backbones.keras_models import WholeModel, computing_in
from streetdeciles.backbones.preprocessing import Preprocessing
from streetdeciles.backbones.variables import model_arrays
from streetdeciles.backbones.weight_files import check_file, checked, no_such_weights
from streetdeciles.errors import RunRefused, reason

if TYPE_CHECKING:
    import keras

UNUSED_TEXT = {
    "vocabulary_size": 1,
    "embedding_dim": 1,
    "hidden_dim": 1,
    "num_layers": 1,
    "num_heads": 1,
    "intermediate_dim": 1,
    "max_sequence_length": 1,
}
"""CLIP and SigLIP of KerasHub cannot be made without a text encoder; this one never runs, and its weights are not
read."""


class Embedder(NamedTuple):
    """A preset as KerasHub makes it."""

    whole: keras.Model
    """The model that its weight files are for."""
    not_read: list[Any]
    """Layers of the whole whose weights are left in the file."""
    images: Any
    embedding: Any
    projection: keras.layers.Layer | None = None
    """Computes what the whole's `vision_projection` does, which is already part of another model."""


@dataclass(frozen=True)
class HubBackbone:
    """One of KerasHub's presets; `sizes` are the arguments of its class there."""

    name: str
    make: Callable[[Any, HubBackbone], Embedder]
    layer: str
    """The layer whose output the embedding is."""
    preprocess: Callable[[int], Preprocessing]
    preprocessing: str
    sizes: Mapping[str, Any]
    size: int = 224
    projection: int = 0
    """Length of the embedding, if a projection follows the image encoder."""

    def backbone(self, *, layer: str | None = None, activation: bool = False) -> Backbone:
        whole = WholeModel(
            self.name,
            partial(_embedding_model, self),
            self.preprocessing,
            self.preprocess,
            partial(_stored_weights, self),
        )
        return whole.up_to(layer or self.layer, activation=activation)

    def check_weights(self, source: WeightSource, *, layer: str | None = None) -> None:
        match source:
            case ImageNet():
                raise _no_imagenet(self.name)
            case KerasWeights() | KerasModel() | CaffeWeights():
                check_file(source, self.name)


def vit_sizes(patch: int, width: int, layers: int) -> dict[str, Any]:
    """The arguments of a vision transformer with heads of 64 units."""
    return {
        "patch_size": patch,
        "hidden_dim": width,
        "num_layers": layers,
        "num_heads": width // 64,
        "intermediate_dim": 4 * width,
    }


def _embedding_model(preset: HubBackbone, precision: str) -> keras.Model:
    with computing_in(precision):
        return _model(preset.make(_keras_hub(), preset))


def _stored_weights(preset: HubBackbone, source: WeightSource, shapes: Shapes) -> Iterator[tuple[str, Array]]:
    match source:
        case ImageNet():
            raise _no_imagenet(preset.name)
        case Preset() | KerasWeights() | KerasModel():
            arrays = model_arrays(_load(preset, source))
            yield from checked(source.path, ((key, arrays.get(key)) for key in shapes), shapes)
        case _:
            raise no_such_weights(source, preset.name)


def _load(preset: HubBackbone, source: Preset | KerasWeights | KerasModel) -> keras.Model:
    """The embedding model with its weights."""
    with computing_in("float32"), _weight_file(source) as path:
        try:
            embedder = preset.make(_keras_hub(), preset)
            embedder.whole.load_weights(path, objects_to_skip=embedder.not_read)
            if embedder.projection is not None:
                embedder.projection.set_weights(embedder.whole.vision_projection.get_weights())
            return _model(embedder)
        except RunRefused:
            raise
        except Exception as error:  # Keras and the layers raise nearly anything for a file that is not theirs
            raise RunRefused(f"{source}: Keras cannot load it: {reason(error, 200)}") from error


def _no_imagenet(name: str) -> RunRefused:
    return RunRefused(
        f"features.weights: {name} has none of imagenet's; download KerasHub's preset {name} where there is a "
        "network, and set features.weights to its folder, or use random:<seed>"
    )


def _model(embedder: Embedder) -> keras.Model:
    from keras import Model, ops

    model = Model(embedder.images, embedder.embedding)
    for variable in model.variables:
        if variable.path.endswith("position_ids"):  # KerasHub's CLIP has zeros here until weights are loaded
            variable.assign(ops.reshape(ops.arange(variable.shape[1], dtype=variable.dtype), variable.shape))
    return model


@contextmanager
def _weight_file(source: Preset | KerasWeights | KerasModel) -> Iterator[str]:
    """A local copy of the .weights.h5 in any of them."""
    with tempfile.NamedTemporaryFile(suffix=".weights.h5") as local:
        try:
            _copy_weights(source, local)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise RunRefused(
                f"{source}: cannot be read as weights ({reason(error, 160)}); expected a preset of "
                "KerasHub: its folder with model.weights.h5 in it, a .weights.h5, or a .keras file"
            ) from error
        with Path(local.name).open("rb") as file:
            check_weights_file(file, source.path)
        yield local.name


def _copy_weights(source: Preset | KerasWeights | KerasModel, local: Any) -> None:
    if not isinstance(source, KerasModel):
        uri = storage.join(source.path, "model.weights.h5") if isinstance(source, Preset) else source.path
        fs, path = storage.filesystem(uri)
        fs.get_file(path, local.name)
        return
    fs, path = storage.filesystem(source.path)
    with fs.open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        about = archive.getinfo("model.weights.h5")
        if about.file_size != about.compress_size:
            raise RunRefused(f"{source}: refused, its weights are compressed, which Keras does not do")
        shutil.copyfileobj(archive.open("model.weights.h5"), local)
        local.flush()


def _keras_hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise RunRefused(
            f"features.backbone: CLIP, SigLIP and DINOv2 need KerasHub, which cannot be imported here ({error}); "
            "pip install streetdeciles[encoders], on every machine that computes"
        ) from error
    return keras_hub
