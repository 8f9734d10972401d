"""The trained models in a worker process: read once, those that see the same locations stacked into one network."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.ordinal.binomial import predicted_decile, probabilities
from streetdeciles.ordinal.network import NetworkShape, Weights, shape_of
from streetdeciles.ordinal.stacked_network import StackedNetwork, stack
from streetdeciles.prediction.predict import ModelFile


@dataclass(frozen=True)
class Predicted:
    """Of n locations and the outcomes of a fold: scores float32 [n, outcomes], deciles int32 [n, outcomes],
    probabilities float32 [n, outcomes, 10]."""

    scores: npt.NDArray[np.float32]
    deciles: npt.NDArray[np.int32]
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True)
class FoldModels:
    """The models that have not seen one fold."""

    outcomes: tuple[str, ...]
    network: StackedNetwork

    def predict(self, features: npt.NDArray[np.float32], view_mask: npt.NDArray[np.bool_]) -> Predicted:
        """All outcomes of locations: features [n, views, feature_size], view_mask [n, views]."""
        scores = self.network({"features": features, "view_mask": view_mask}, training=False)
        return Predicted(*(_by_row(values) for values in (scores, predicted_decile(scores), probabilities(scores))))


@dataclass(frozen=True)
class MeanOfModels:
    """All models of each outcome, whichever fold they have not seen; `place` is the outcome of each in the stack."""

    outcomes: tuple[str, ...]
    place: npt.NDArray[np.int64]
    network: StackedNetwork

    def predict(self, features: npt.NDArray[np.float32], view_mask: npt.NDArray[np.bool_]) -> Predicted:
        """All outcomes of locations, as `FoldModels.predict`: the mean score and what follows from it."""
        given = {"features": features, "view_mask": view_mask}
        by_model = np.asarray(self.network(given, training=False), np.float64)
        means = [by_model[self.place == o].mean(axis=0) for o in range(len(self.outcomes))]
        scores = np.stack(means).astype(np.float32)
        return Predicted(*(_by_row(values) for values in (scores, predicted_decile(scores), probabilities(scores))))


@functools.lru_cache(maxsize=1)
def load_mean_of_models(models_uri: str, files: tuple[ModelFile, ...]) -> MeanOfModels:
    """The models in `files` below `models_uri`; a worker process loads them once, until they change.

    Raises:
        RunFailed: a model is of another shape than the others.
    """
    shape, weights = _read(models_uri, files)
    outcomes = tuple(dict.fromkeys(model.outcome for model in files))
    place = np.array([outcomes.index(model.outcome) for model in files])
    return MeanOfModels(outcomes, place, stack(shape, weights))


@functools.lru_cache(maxsize=1)
def load_fold_models(models_uri: str, files: tuple[ModelFile, ...]) -> dict[int, FoldModels]:
    """The models in `files` below `models_uri`, by fold; a worker process loads them once, until they change.

    Raises:
        RunFailed: a model is of another shape than the others.
    """
    shape, all_weights = _read(models_uri, files)
    by_fold: dict[int, dict[str, Weights]] = {}
    for model, weights in zip(files, all_weights, strict=True):
        by_fold.setdefault(model.fold, {})[model.outcome] = weights
    return {fold: FoldModels(tuple(own), stack(shape, list(own.values()))) for fold, own in by_fold.items()}


def _read(models_uri: str, files: tuple[ModelFile, ...]) -> tuple[NetworkShape, list[Weights]]:
    """The shape of all models, and each one's weights."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        template: keras.Model | None = None
        weights: list[Weights] = []
        for model in files:
            local.write_bytes(storage.read_bytes(storage.join(models_uri, model.file)))
            template = _load(local, template, model.file)
            weights.append(template.get_weights())
    return shape_of(template), weights


def _load(path: Path, template: keras.Model | None, name: str) -> keras.Model:
    """The model in the file; its weights in `template` if there is one, which is much quicker than building anew."""
    if template is None:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    try:
        template.load_weights(path)
    except ValueError as error:
        raise RunFailed(f"models/{name}: is of another shape than the other models; train them together") from error
    return template


def _by_row(values: Any) -> npt.NDArray[Any]:
    """[models, n, ...] -> [n, models, ...]."""
    return np.swapaxes(np.asarray(values), 0, 1)
