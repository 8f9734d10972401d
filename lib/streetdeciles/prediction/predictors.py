"""The trained models in a worker process, stacked into one network per set of models that see the same locations."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streetdeciles.errors import RunFailed
from streetdeciles.models.loading import load_weights
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.ordinal.network import Weights
from streetdeciles.ordinal.stacked_network import StackedNetwork, stack
from streetdeciles.ordinal.tempered import probabilities
from streetdeciles.prediction.chosen_models import ChosenModels
from streetdeciles.training_set.fold_codes import THE_ONE_MODEL

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Prediction:
    """Predictions for n locations of a batch.

    rows: int64 [n], the locations' row numbers in the batch.
    fold: the fold that the models have not seen; None for the mean of models of all folds.
    scores: float32 [n, outcomes].
    deciles: int32 [n, outcomes].
    temperatures: float64 [outcomes].
    probabilities: float32 [n, outcomes, 10], calibrated by the temperatures.
    included: bool [n, outcomes], False where an outcome of a location is not held out.
    """

    rows: npt.NDArray[np.int64]
    fold: int | None
    outcomes: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    deciles: npt.NDArray[np.int32]
    temperatures: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32]
    included: npt.NDArray[np.bool_]


class Predictor(Protocol):
    def predict(self, locations: pa.RecordBatch, features: Array, view_mask: Array) -> Iterator[Prediction]:
        """Predictions for a batch: features float32 [n, views, feature_size], view_mask bool [n, views]."""
        ...


@dataclass(frozen=True)
class OutcomeStack:
    """One model per outcome, all of one fold, in a single network; `temperatures` float64 [outcomes]."""

    outcomes: tuple[str, ...]
    temperatures: npt.NDArray[np.float64]
    network: StackedNetwork


@dataclass(frozen=True)
class HeldOutModels:
    """Predicts each location by the models that have not seen its fold.

    With `held_out_deciles` there is one model per outcome; it predicts the locations whose decile is one of these.
    """

    by_fold: Mapping[int, OutcomeStack]
    held_out_deciles: tuple[int, ...]

    def predict(self, locations: pa.RecordBatch, features: Array, view_mask: Array) -> Iterator[Prediction]:
        """One prediction per fold of the batch. RunFailed where a location is in a fold that has no models."""
        folds = locations.column("fold").to_numpy(zero_copy_only=False)
        if self.held_out_deciles:
            folds = np.full(len(folds), THE_ONE_MODEL)
        for fold in np.unique(folds).tolist():
            if fold not in self.by_fold:
                raise RunFailed(f"training_set: fold {fold} has no models; run the training stage again")
            models, rows = self.by_fold[fold], np.flatnonzero(folds == fold)
            scores = models.network({"features": features[rows], "view_mask": view_mask[rows]}, training=False)
            included = self._included(locations.take(pa.array(rows)), models.outcomes)
            yield _prediction(rows, fold, models, np.asarray(scores), included)

    def _included(self, locations: pa.RecordBatch, outcomes: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        if not self.held_out_deciles:
            return np.ones((locations.num_rows, len(outcomes)), bool)
        columns = [locations.column(outcome).fill_null(0).to_numpy(zero_copy_only=False) for outcome in outcomes]
        return np.isin(np.stack(columns, axis=1), self.held_out_deciles)


@dataclass(frozen=True)
class MeanOfModels:
    """Predicts each location by the mean score of all models of an outcome, whichever fold they have not seen.

    outcome_index: int64 [models], the outcome of each model in the stack.
    temperatures: float64 [outcomes], the geometric means of those of an outcome's models.
    """

    outcomes: tuple[str, ...]
    temperatures: npt.NDArray[np.float64]
    outcome_index: npt.NDArray[np.int64]
    network: StackedNetwork

    def predict(self, locations: pa.RecordBatch, features: Array, view_mask: Array) -> Iterator[Prediction]:
        """One prediction for the whole batch."""
        inputs = {"features": features, "view_mask": view_mask}
        by_model = np.asarray(self.network(inputs, training=False), np.float64)
        means = [by_model[self.outcome_index == i].mean(axis=0) for i in range(len(self.outcomes))]
        rows = np.arange(locations.num_rows)
        included = np.ones((locations.num_rows, len(self.outcomes)), bool)
        yield _prediction(rows, None, self, np.stack(means).astype(np.float32), included)


@functools.lru_cache(maxsize=1)
def load_predictor(models: ChosenModels) -> Predictor:
    """The predictor that uses `models` as they ask for; a worker process loads them once, until they change.

    Raises:
        RunFailed: a model has another shape than the others.
    """
    shape, weights = load_weights(models.uri, models.files)
    if models.mean:
        outcome_index = np.array([models.outcomes.index(file.outcome) for file in models.files])
        logs = np.bincount(outcome_index, np.log([file.temperature for file in models.files]))
        temperatures = np.exp(logs / np.bincount(outcome_index))
        return MeanOfModels(models.outcomes, temperatures, outcome_index, stack(shape, weights))
    by_fold: dict[int, dict[str, tuple[float, Weights]]] = {}
    for file, arrays in zip(models.files, weights, strict=True):
        by_fold.setdefault(file.fold, {})[file.outcome] = file.temperature, arrays
    stacks = {}
    for fold, by_outcome in by_fold.items():
        temperatures = np.array([temperature for temperature, _ in by_outcome.values()])
        network = stack(shape, [arrays for _, arrays in by_outcome.values()])
        stacks[fold] = OutcomeStack(tuple(by_outcome), temperatures, network)
    return HeldOutModels(stacks, models.held_out_deciles)


def _prediction(
    rows: npt.NDArray[np.int64],
    fold: int | None,
    models: OutcomeStack | MeanOfModels,
    scores: Array,
    included: Array,
) -> Prediction:
    """From scores [outcomes, n]."""
    by_row, deciles = (np.swapaxes(np.asarray(array), 0, 1) for array in (scores, predicted_decile(scores)))
    classes = probabilities(by_row, models.temperatures).astype(np.float32)
    return Prediction(rows, fold, models.outcomes, by_row, deciles, models.temperatures, classes, included)
