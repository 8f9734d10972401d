"""What `features.backbone` and `features.weights` of a config can name: parsed once, here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """A backbone by its name in `backbones/registry.py`."""

    name: str


@dataclass(frozen=True)
class ModelFile:
    """The `.keras` file of a model, as a path or URI."""

    path: str


@dataclass(frozen=True)
class ModelConfig:
    """The config of such a model as JSON: what is left of the file on workers."""

    json: str


BackboneSource = Named | ModelFile | ModelConfig


def backbone_source(text: str) -> Named | ModelFile:
    """The value of `features.backbone`, whether or not there is such a backbone.

    >>> backbone_source("vgg16")
    Named(name='vgg16')
    >>> backbone_source("s3://models/own.keras")
    ModelFile(path='s3://models/own.keras')
    """
    return ModelFile(text) if text.endswith(".keras") else Named(text)


@dataclass(frozen=True)
class Seeded:
    """Random numbers, the same for the same seed on every machine."""

    seed: int

    def __str__(self) -> str:
        return f"random:{self.seed}"


@dataclass(frozen=True)
class ImageNet:
    """Keras' own download of weights trained on ImageNet."""

    def __str__(self) -> str:
        return "imagenet"


@dataclass(frozen=True)
class _Stored:
    path: str
    """Path or URI."""

    def __str__(self) -> str:
        return self.path


class KerasWeights(_Stored):
    """An HDF5 file: Keras' `.h5` or `.weights.h5`."""


class KerasModel(_Stored):
    """A `.keras` file, which holds a model's config and its weights."""


class CaffeWeights(_Stored):
    """A caffe-converted `.npy` file."""


class Preset(_Stored):
    """The folder of one of KerasHub's presets."""


class Shipped(_Stored):
    """The `.npz` file in which a run gives its workers the weights; no config names one."""


WeightFile = KerasWeights | KerasModel | CaffeWeights
WeightSource = Seeded | ImageNet | WeightFile | Preset | Shipped


def weight_source(text: str, *, has_presets: bool = False) -> Seeded | ImageNet | WeightFile | Preset:
    """The value of `features.weights`; nothing is read.

    Args:
        has_presets: whether the backbone is one of KerasHub's, so that any other text is a folder.

    Raises:
        ValueError: it is not a source of weights.

    >>> weight_source("random:1")
    Seeded(seed=1)
    >>> weight_source("weights/vgg16.npy")
    CaffeWeights(path='weights/vgg16.npy')
    >>> weight_source("presets/dinov2_base", has_presets=True)
    Preset(path='presets/dinov2_base')
    """
    kind, _, seed = text.partition(":")
    if text == "imagenet":
        return ImageNet()
    if kind == "random" and seed.isascii() and seed.isdecimal():
        return Seeded(int(seed))
    for ending, form in ((".h5", KerasWeights), (".keras", KerasModel), (".npy", CaffeWeights)):
        if text.endswith(ending):
            return form(text)
    if has_presets and kind != "random":
        return Preset(text)
    raise ValueError("must be imagenet, random:<seed>, or a .h5, .weights.h5, .keras or .npy file")
