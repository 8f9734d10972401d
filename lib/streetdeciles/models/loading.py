"""Reading the weights of several trained models from their files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras

from streetdeciles import storage
from streetdeciles.backbones import keras_files
from streetdeciles.errors import RunFailed
from streetdeciles.models.card import ModelFile
from streetdeciles.ordinal.network import NetworkShape, Weights, shape_of


def load_weights(models_uri: str, files: Sequence[ModelFile]) -> tuple[NetworkShape, list[Weights]]:
    """The shape that all models in `files` below the URI `models_uri` share, and the weights of each.

    Raises:
        RunFailed: the models do not all have the same shape.
    """
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        network: keras.Model | None = None
        weights: list[Weights] = []
        for file in files:
            local.write_bytes(storage.read_bytes(storage.join(models_uri, file.file)))
            network = _load(local, network, file.file)
            weights.append(network.get_weights())
    return shape_of(network), weights


def _load(path: Path, network: keras.Model | None, name: str) -> keras.Model:
    """The model in the file; with `network`, its weights are loaded into that, which is much quicker."""
    if network is None:
        return keras_files.load_model(path, f"models/{name}")
    try:
        keras_files.check_archive(path, f"models/{name}")
        network.load_weights(path)
    except ValueError as error:
        raise RunFailed(f"models/{name}: its shape differs from the other models; train them together") from error
    return network
