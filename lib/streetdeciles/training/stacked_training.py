"""Training of all models of some lessons at once: arrays in, each model's best weights out."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.errors import RunFailed
from streetdeciles.ordinal.network import NetworkShape, Weights, initial_weights, location_network
from streetdeciles.ordinal.stacked_network import StackedNetwork, stack
from streetdeciles.training.batches import BUFFER_MB, StackedBatch, learning_batches, prefetched, validation_batches
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.checkpoints import Checkpoint, TrainingState
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.lessons import Lessons

WEIGHTS, ORDER = 2, 3
"""First words of the seeds of initial weights and of the order of rows, beside `lessons.VALIDATION`."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedModel:
    """The weights of a model's best epoch, in `location_network`'s order, and its loss and MAE on validation rows."""

    outcome: str
    fold: int
    weights: Weights
    epoch: int
    val_loss: float
    val_mae: float


@dataclass(frozen=True)
class Watcher:
    """What is told of a training: after each batch the model-rows of it, after each epoch its history."""

    on_batch: Callable[[int], None] = lambda model_rows: None
    on_epoch: Callable[[list[HistoryRow]], None] = lambda rows: None


def train_models(
    lessons: Lessons,
    settings: TrainingConfig,
    *,
    seed: int,
    starts: Callable[[str, int], Weights] | None = None,
    watcher: Watcher = Watcher(),
    checkpoint: Checkpoint | None = None,
    buffer_mb: float = BUFFER_MB,
) -> list[TrainedModel]:
    """The models of `lessons`, each by its best validation loss, in their order.

    A model stops learning when its validation loss has not improved for `settings.patience` epochs; the training ends
    when all have. What a model becomes does not depend on which others it is trained with.

    `starts` gives the weights that the model of an outcome and fold starts with; without it they are drawn.

    With a `checkpoint` the training goes on from the state that is in it, if there is one, and `watcher` is told of the
    epochs before that too. The orders of rows and noise follow from seeds, so it ends with the same weights.

    Raises:
        RunFailed: a model's validation loss was not a number in any epoch.
    """
    shape = network_shape(lessons.rows, settings)
    first = [starts(*model) for model in lessons.models] if starts else first_weights(lessons, shape, seed)
    network = stack(
        shape,
        first,
        sets=len(lessons.folds),
        seed=seed,
        weight_decay=settings.weight_decay,
        frozen=settings.freeze,
    )
    network.compile(optimizer=keras.optimizers.Adam(settings.learning_rate), jit_compile=_compiles())
    network.optimizer.build(network.trainable_variables)
    best = _Best(lessons.models, settings.patience)
    history = _go_on(network, best, checkpoint, watcher)
    sizes: dict[str, Any] = {"batch_size": settings.batch_size, "buffer_mb": buffer_mb}
    for epoch in range(history[-1].epoch + 1 if history else 1, settings.epochs + 1):
        if not best.learning.any():
            break
        learning = best.only_learning(learning_batches(lessons, seed=(ORDER, seed, epoch), **sizes))
        learned = _mean_by_model(network, learning, network.train_on_batch, watcher.on_batch)
        validated = _mean_by_model(network, validation_batches(lessons, **sizes), network.test_on_batch)
        rate = float(network.optimizer.learning_rate)
        rows = _history(lessons.models, epoch, learned, validated, rate, which=best.learning)
        history += rows
        best.take(epoch, validated, network)
        if checkpoint is not None and checkpoint.due():
            checkpoint.write(_state(network, best, history))
        watcher.on_epoch(rows)
    if checkpoint is not None:
        checkpoint.write(_state(network, best, history))
    return best.models()


def network_shape(rows: TrainingRows, settings: TrainingConfig) -> NetworkShape:
    return shape_of_input(*rows.features.shape[1:], settings=settings)


def shape_of_input(views: int, features: int, *, settings: TrainingConfig) -> NetworkShape:
    units = tuple(settings.view_units), tuple(settings.location_units)
    return NetworkShape(views, features, *units, settings.noise, settings.variant)


def first_weights(lessons: Lessons, shape: NetworkShape, seed: int) -> list[Weights]:
    """Each model's initial weights, which follow from the seed and from its outcome and fold alone."""
    network = location_network(shape)
    return [
        initial_weights(network, np.random.default_rng([WEIGHTS, seed, zlib.crc32(outcome.encode()), fold]))
        for outcome, fold in lessons.models
    ]


class _Best:
    """Each model's best epoch so far, and which models still learn."""

    def __init__(self, models: tuple[tuple[str, int], ...], patience: int) -> None:
        self.keys = models
        self.patience = patience
        self.learning = np.ones(len(models), bool)
        self.loss = np.full(len(models), np.inf)
        self.epoch = np.zeros(len(models), int)
        self.found: dict[int, TrainedModel] = {}

    def only_learning(self, batches: Iterable[StackedBatch]) -> Iterable[StackedBatch]:
        """`batches` without the rows of models that have stopped."""
        for batch in batches:
            batch.inputs["row_weights"][~self.learning] = 0
            yield batch

    def take(self, epoch: int, validated: npt.NDArray[np.float64], network: StackedNetwork) -> None:
        """Keep the weights of the models that are better than before; stop those that have long not been."""
        better = np.flatnonzero(self.learning & (validated[0] < self.loss)).tolist()
        self.loss[better], self.epoch[better] = validated[0, better], epoch
        for m, weights in zip(better, network.get_model_weights(better), strict=True):
            outcome, fold = self.keys[m]
            val_loss, val_mae = validated[:, m].tolist()
            self.found[m] = TrainedModel(outcome, fold, weights, epoch, val_loss, val_mae)
        self.learning &= epoch - self.epoch < self.patience

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of this, for a checkpoint."""
        kept: dict[str, npt.NDArray[Any]] = {"learning": self.learning, "loss": self.loss, "epoch": self.epoch}
        kept["mae"] = np.array([self.found[m].val_mae if m in self.found else np.nan for m in range(len(self.keys))])
        for m, model in self.found.items():
            kept |= {f"best_{m}_{i}": array for i, array in enumerate(model.weights)}
        return kept

    def restore(self, kept: dict[str, npt.NDArray[Any]]) -> None:
        self.learning, self.loss, self.epoch = (kept[name] for name in ("learning", "loss", "epoch"))
        for m in np.flatnonzero(self.epoch).tolist():
            weights: Weights = []
            while (name := f"best_{m}_{len(weights)}") in kept:
                weights.append(kept[name])
            (outcome, fold), epoch, loss, mae = (
                self.keys[m],
                int(self.epoch[m]),
                float(self.loss[m]),
                float(kept["mae"][m]),
            )
            self.found[m] = TrainedModel(outcome, fold, weights, epoch, loss, mae)

    def models(self) -> list[TrainedModel]:
        failed = [f"{outcome}/{fold}" for m, (outcome, fold) in enumerate(self.keys) if m not in self.found]
        if failed:
            raise RunFailed(
                f"training: the validation loss of {', '.join(failed)} was never a number; lower training.learning_rate"
            )
        return [self.found[m] for m in range(len(self.keys))]


def _state(network: StackedNetwork, best: _Best, history: list[HistoryRow]) -> TrainingState:
    variables = {f"variable_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(_variables(network))}
    return TrainingState(history, {**variables, **best.arrays()})


def _go_on(network: StackedNetwork, best: _Best, checkpoint: Checkpoint | None, watcher: Watcher) -> list[HistoryRow]:
    """Put the checkpoint's state into `network` and `best`; the history up to there, empty where there is none."""
    saved = checkpoint.read() if checkpoint is not None else None
    if saved is None:
        return []
    for i, variable in enumerate(_variables(network)):
        variable.assign(saved.arrays[f"variable_{i}"])
    best.restore(saved.arrays)
    for _, rows in groupby(saved.history, lambda row: row.epoch):
        watcher.on_epoch(list(rows))
    logger.info("training: goes on after epoch %d", saved.history[-1].epoch)
    return saved.history


def _variables(network: StackedNetwork) -> list[Any]:
    """Weights, normalisation statistics, the seed of the noise, and Adam's moments and steps."""
    return [*network.variables, *network.optimizer.variables]


def _mean_by_model(
    network: StackedNetwork,
    batches: Iterable[StackedBatch],
    step: Callable[..., dict[str, Any]],
    on_batch: Callable[[int], None] = lambda model_rows: None,
) -> npt.NDArray[np.float64]:
    """Mean loss and mean absolute error [2, models] over each model's own rows of all batches."""
    sums = np.zeros((3, network.models))
    for batch in prefetched(batches):
        by_model = np.asarray(step(batch.inputs, batch.deciles, return_dict=True)["by_model"], np.float64)
        sums += by_model
        on_batch(int(by_model[0].sum()))
    means: npt.NDArray[np.float64] = sums[1:] / np.maximum(sums[0], 1)
    return means


def _history(
    models: tuple[tuple[str, int], ...],
    epoch: int,
    learned: npt.NDArray[np.float64],
    validated: npt.NDArray[np.float64],
    learning_rate: float,
    *,
    which: npt.NDArray[np.bool_],
) -> list[HistoryRow]:
    rows = []
    for m in np.flatnonzero(which):
        (loss, mae), (val_loss, val_mae) = learned[:, m].tolist(), validated[:, m].tolist()
        outcome, fold = models[m]
        rows.append(HistoryRow(outcome, fold, epoch, loss, val_loss, mae, val_mae, learning_rate))
    return rows


def _compiles() -> bool:
    """XLA makes steps of TensorFlow on a CPU slower, not faster; JAX needs it."""
    return bool(keras.backend.backend() == "jax")
