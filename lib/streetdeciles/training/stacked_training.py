"""Training of all models of some assignments at once: arrays in, each model's best weights out."""

from __future__ import annotations

import gc
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal import SCORE_BINS
from streetdeciles.ordinal.network import NetworkShape, Weights, initial_weights, location_network
from streetdeciles.ordinal.stacked_network import empty_stack
from streetdeciles.training.adam import StackedAdam
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.batches import (
    StackedBatch,
    batch_size_of,
    learning_batches,
    prefetched,
    validation_batches,
)
from streetdeciles.training.best_models import BestModels
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.checkpoints import Checkpoint, TrainingState
from streetdeciles.training.feature_source import BUFFER_MB, FeatureSource
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.layout import Layout

WEIGHTS, ORDER = 2, 3
"""First words of the seeds of initial weights and of the order of rows, beside `assignments.VALIDATION`."""

PARTED_SHARE = 0.9
PARTED_MODEL_ROWS = 10_000
"""Models that have stopped are left out where this shrinks the stack by a tenth, and saves so many model-rows until
the others can have stopped: more than a new network's compilation takes, about two seconds."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watcher:
    """What is told of a training: after each batch the model-rows of it, after each epoch its history."""

    on_batch: Callable[[int], None] = lambda model_rows: None
    on_epoch: Callable[[list[HistoryRow]], None] = lambda rows: None


def train_models(
    assignments: Assignments,
    settings: TrainingConfig,
    *,
    seed: int,
    starts: Callable[[str, int], Weights] | None = None,
    watcher: Watcher = Watcher(),
    checkpoint: Checkpoint | None = None,
    buffer_mb: float = BUFFER_MB,
    hold: bool = False,
) -> list[TrainedModel]:
    """The models of `assignments`, each by its best validation loss, in their order.

    A model stops learning when its validation loss has not improved for `settings.patience` epochs; the training ends
    when all have. What a model becomes does not depend on which others it is trained with.

    `settings.precision` is what `auto` was found to be; `auto` itself is float32 here.

    `starts` gives the weights that the model of an outcome and fold starts with; without it they are drawn.

    With a `checkpoint` the training goes on from the state that is in it, if there is one, and `watcher` is told of the
    epochs before that too. The orders of rows and noise follow from seeds, so it ends with the same weights.

    Raises:
        RunFailed: a model's validation loss was not a number in any epoch.
    """
    best = BestModels(assignments.models, settings.patience, settings.halve_after)
    saved = checkpoint.read() if checkpoint is not None else None
    if saved is None:
        stack = _Stack(assignments, settings, seed, _first_layout(assignments, settings))
        stack.network.set_model_weights(first_weights(assignments, stack.shape, seed, starts))
        history: list[HistoryRow] = []
    else:
        stack = _Stack(assignments, settings, seed, Layout(saved.arrays["layout"], len(assignments.outcomes)))
        history = _go_on(stack, best, saved, watcher)
    source = FeatureSource(assignments.rows, place=keras.ops.convert_to_tensor, buffer_mb=buffer_mb, hold=hold)
    batch_size = batch_size_of(settings, len(assignments.rows))
    for epoch in range(history[-1].epoch + 1 if history else 1, settings.epochs + 1):
        if not best.learning.any():
            break
        if stack.is_worth_parting(best.learning):
            stack = stack.without(~best.learning)
            gc.collect()  # the larger network, whose references form a circle
        learned = stack.learn(source, batch_size, (ORDER, seed, epoch), best, watcher.on_batch)
        validated, scores = stack.validate(source, batch_size)
        rates = best.rate_share * float(stack.network.optimizer.learning_rate)
        rows = _history(assignments.models, epoch, learned, validated, rates, scores=scores, which=best.learning)
        history += rows
        best.take(epoch, validated, stack.weights_of)
        if checkpoint is not None and checkpoint.due():
            checkpoint.write(stack.state(best, history))
        watcher.on_epoch(rows)
    if checkpoint is not None:
        checkpoint.write(stack.state(best, history))
    return best.models()


def network_shape(rows: TrainingRows, settings: TrainingConfig) -> NetworkShape:
    return shape_of_input(*rows.features.shape[1:], settings=settings)


def shape_of_input(views: int, features: int, *, settings: TrainingConfig) -> NetworkShape:
    units = tuple(settings.view_units), tuple(settings.location_units)
    return NetworkShape(views, features, *units, settings.noise, settings.variant)


def first_weights(
    assignments: Assignments, shape: NetworkShape, seed: int, starts: Callable[[str, int], Weights] | None = None
) -> list[Weights]:
    """Each model's initial weights: those of `starts`, or what follows from the seed and its outcome and fold alone."""
    if starts is not None:
        return [starts(*model) for model in assignments.models]
    network = location_network(shape)
    return [
        initial_weights(network, np.random.default_rng([WEIGHTS, seed, zlib.crc32(outcome.encode()), fold]))
        for outcome, fold in assignments.models
    ]


class _Stack:
    """The models of a layout in one network, with their optimizer; arrays of all `assignments.models` in and out."""

    def __init__(self, assignments: Assignments, settings: TrainingConfig, seed: int, layout: Layout) -> None:
        self.assignments = assignments
        self.settings = settings
        self.seed = seed
        self.layout = layout
        self.shape = network_shape(assignments.rows, settings)
        self.network = empty_stack(
            self.shape,
            layout.numbers.size,
            sets=len(layout.numbers),
            seed=seed,
            precision="mixed_bfloat16" if settings.precision == "bfloat16" else "float32",
            weight_decay=settings.weight_decay,
            frozen=settings.freeze,
        )
        optimizer = StackedAdam(settings.learning_rate, layout.numbers.size)
        self.network.compile(optimizer=optimizer, jit_compile=_compiles())
        optimizer.build(self.network.trainable_variables)

    def learn(
        self,
        source: FeatureSource,
        batch_size: int,
        order: tuple[int, ...],
        best: BestModels,
        on_batch: Callable[[int], None],
    ) -> npt.NDArray[np.float64]:
        self.network.optimizer.rate_shares.assign(best.rate_share[self.layout.models])
        balanced = self.settings.balanced_batches
        batches = learning_batches(
            self.assignments, self.layout, source, batch_size=batch_size, seed=order, balanced=balanced
        )
        return self._mean_by_model(_only(best.learning[self.layout.models], batches), on_batch, learns=True)[0]

    def validate(self, source: FeatureSource, batch_size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        return self._mean_by_model(validation_batches(self.assignments, self.layout, source, batch_size=batch_size))

    def weights_of(self, models: list[int]) -> list[Weights]:
        return self.network.get_model_weights(self.layout.places(models))

    def is_worth_parting(self, learning: npt.NDArray[np.bool_]) -> bool:
        """Whether leaving out the models that have stopped saves more than a new network's compilation costs.

        Decided by counts, not by clocks, so that every run of a training decides alike.
        """
        now, then = self.layout.numbers.size, self.layout.without(~learning).numbers.size
        if then >= PARTED_SHARE * now:
            return False  # before all rows are counted, as this is asked in every epoch
        rows = self.assignments.n_learning() / len(self.assignments.models)
        return (now - then) * rows * self.settings.patience >= PARTED_MODEL_ROWS

    def without(self, stopped: npt.NDArray[np.bool_]) -> _Stack:
        """The models that have not stopped in a smaller stack, which goes on where this one is."""
        layout = self.layout.without(stopped)
        smaller = _Stack(self.assignments, self.settings, self.seed, layout)
        places = self.layout.places(layout.models.tolist())
        for here, there in zip(self._variables(), smaller._variables(), strict=True):
            value = keras.ops.convert_to_numpy(here)
            there.assign(value[places] if value.shape and here is not self.network.noise_seed.state else value)
        logger.info("training: goes on with %d of %d models", layout.numbers.size, self.layout.numbers.size)
        return smaller

    def state(self, best: BestModels, history: list[HistoryRow]) -> TrainingState:
        variables = {f"variable_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        return TrainingState(history, {**variables, "layout": self.layout.numbers, **best.arrays()})

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        for i, variable in enumerate(self._variables()):
            variable.assign(arrays[f"variable_{i}"])

    def _variables(self) -> list[Any]:
        """Weights, normalisation statistics, the seed of the noise, and Adam's moments and steps."""
        return [*self.network.variables, *self.network.optimizer.variables]

    def _mean_by_model(
        self,
        batches: Iterable[StackedBatch],
        on_batch: Callable[[int], None] = lambda model_rows: None,
        *,
        learns: bool = False,
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Over each model's own rows of all batches: mean loss, absolute error and hits [3, all models], and counts of
        the scores [SCORE_BINS, all models]."""
        step = self.network.train_on_batch if learns else self.network.test_on_batch
        sums = np.zeros((4, len(self.assignments.models)))
        scores = np.zeros((SCORE_BINS, len(self.assignments.models)), np.int64)
        for batch in prefetched(batches):
            told = step(batch.inputs, batch.deciles, return_dict=True)
            by_model = np.asarray(told["by_model"], np.float64)
            sums[:, self.layout.models] += by_model
            scores[:, self.layout.models] += np.asarray(told["score_counts"]).astype(np.int64)
            on_batch(int(by_model[0].sum()))
        return sums[1:] / np.maximum(sums[0], 1), scores


def _first_layout(assignments: Assignments, settings: TrainingConfig) -> Layout:
    return Layout.apart(assignments) if settings.balanced_batches else Layout.together(assignments)


def _go_on(stack: _Stack, best: BestModels, saved: TrainingState, watcher: Watcher) -> list[HistoryRow]:
    """Put the checkpoint's state into `stack` and `best`; the history up to there."""
    stack.restore(saved.arrays)
    best.restore(saved.arrays)
    for _, rows in groupby(saved.history, lambda row: row.epoch):
        watcher.on_epoch(list(rows))
    logger.info("training: goes on after epoch %d", saved.history[-1].epoch)
    return saved.history


def _only(learning: npt.NDArray[np.bool_], batches: Iterable[StackedBatch]) -> Iterator[StackedBatch]:
    """`batches` without the rows of models that have stopped."""
    for batch in batches:
        batch.inputs["row_weights"][~learning] = 0
        yield batch


def _history(
    models: tuple[tuple[str, int], ...],
    epoch: int,
    learned: npt.NDArray[np.float64],
    validated: npt.NDArray[np.float64],
    rates: npt.NDArray[np.float32],
    *,
    scores: npt.NDArray[np.int64],
    which: npt.NDArray[np.bool_],
) -> list[HistoryRow]:
    rows = []
    for m in np.flatnonzero(which):
        (loss, mae, accuracy), (val_loss, val_mae, val_accuracy) = learned[:, m].tolist(), validated[:, m].tolist()
        outcome, fold = models[m]
        measured = loss, val_loss, mae, val_mae, accuracy, val_accuracy, float(rates[m])
        rows.append(HistoryRow(outcome, fold, epoch, *measured, tuple(scores[:, m].tolist())))
    return rows


def _compiles() -> bool:
    """XLA makes steps of TensorFlow on a CPU slower, not faster; JAX needs it."""
    return bool(keras.backend.backend() == "jax")
