"""Writing trained models: `models/<outcome>/<fold>.keras`, and the card that describes them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streetdeciles import __version__, storage
from streetdeciles.models.card import MODEL_CARD
from streetdeciles.ordinal.network import NetworkShape, Weights, location_network


@dataclass(frozen=True)
class TrainedModel:
    """A model at its best epoch: weights in `location_network`'s order, and loss and MAE on its validation rows.

    temperature: how much wider than the binomial its predictions are (`ordinal.tempered`).
    """

    outcome: str
    fold: int
    weights: Weights
    epoch: int
    val_loss: float
    val_mae: float
    temperature: float = 1.0


def save_models(models: Iterable[TrainedModel], shape: NetworkShape, folder: str) -> list[dict[str, Any]]:
    """Write each model below the URI `folder`; returns their entries for the card, in the same order."""
    network = location_network(shape)
    return [
        {
            **save_model(network, model.weights, folder, outcome=model.outcome, fold=model.fold),
            "best_epoch": model.epoch,
            "val_loss": model.val_loss,
            "val_mae": model.val_mae,
            "temperature": model.temperature,
        }
        for model in models
    ]


def save_model(network: keras.Model, weights: Weights, folder: str, *, outcome: str, fold: int) -> dict[str, Any]:
    """Write `network` with `weights` below the URI `folder`; returns its entry for the card."""
    file = f"{outcome}/{fold}.keras"
    network.set_weights(weights)
    with tempfile.TemporaryDirectory() as local:
        path = Path(local) / "model.keras"
        network.save(path)
        storage.write_bytes(storage.join(folder, file), path.read_bytes())
    return {"outcome": outcome, "fold": fold, "file": file, "weights_sha256": weights_hash(weights)}


def save_card(
    folder: str,
    models: Sequence[dict[str, Any]],
    shape: NetworkShape,
    training: dict[str, Any],
    notes: list[str],
    *,
    training_set: str = "",
    split: dict[str, Any] | None = None,
) -> None:
    """Write the card: the models, the shape of their input, the settings of the training, and notes.

    `training_set` is the fingerprint of the rows that the models have learned from. `split` says which of them a model
    has not seen.
    """
    card = {
        "models": list(models),
        "input": {"features": [shape.views, shape.features], "view_mask": [shape.views]},
        "training": training,
        "training_set": training_set,
        "split": split or {},
        "versions": {"streetdeciles": __version__, "keras": keras.__version__, "backend": keras.backend.backend()},
        "notes": notes,
    }
    storage.write_json(storage.join(folder, MODEL_CARD), card)


def weights_hash(weights: Weights) -> str:
    """Equal for equal weights, unlike the hash of a .keras file, which contains the time of writing."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
