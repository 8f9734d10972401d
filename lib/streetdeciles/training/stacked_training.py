"""Training of all models of some assignments at once: arrays in, each model's best weights out."""

from __future__ import annotations

import gc
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import keras
import numpy as np

from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.network import NetworkShape, Weights, initial_weights, location_network
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.best_models import BestModels
from streetdeciles.training.calibration import calibrated
from streetdeciles.training.checkpoints import Checkpoint, TrainingState
from streetdeciles.training.feature_source import BUFFER_MB, FeatureSource
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.layout import Layout
from streetdeciles.training.plan import TrainingPlan
from streetdeciles.training.stack import TrainingStack

WEIGHTS, ORDER = 2, 3
"""First words of the seeds of initial weights and of the order of rows, beside `assignments.VALIDATION`."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watcher:
    """Callbacks: `on_batch` gets the model-rows of each batch, `on_epoch` the history of each epoch."""

    on_batch: Callable[[int], None] = lambda model_rows: None
    on_epoch: Callable[[list[HistoryRow]], None] = lambda rows: None


def train_models(
    assignments: Assignments,
    plan: TrainingPlan,
    *,
    starts: Callable[[str, int], Weights] | None = None,
    watcher: Watcher = Watcher(),
    checkpoint: Checkpoint | None = None,
    buffer_mb: float = BUFFER_MB,
    hold: bool = False,
) -> list[TrainedModel]:
    """The models of `assignments`, each at its best validation loss and calibrated, in their order.

    A model stops when its validation loss has not improved for `patience` epochs; the training ends when all
    have stopped. A model does not depend on which others are trained with it.

    Args:
        starts: returns the first weights of the model of an outcome and fold; None: they are drawn by the seed.
        watcher: is also called with the epochs before the checkpoint.
        checkpoint: continue from its state, if it has one. Orders of rows and noise follow from seeds, so the training
            ends with the same weights as one that was never stopped.

    Raises:
        RunFailed: a model's validation loss was NaN in every epoch.
    """
    settings = plan.settings
    best = BestModels(assignments.models, settings.patience, settings.halve_after)
    saved = checkpoint.read() if checkpoint is not None else None
    stack = _new_stack(assignments, plan, starts, saved)
    history = _resume(stack, best, saved, watcher) if saved is not None else []
    source = FeatureSource(assignments.rows, to_device=keras.ops.convert_to_tensor, buffer_mb=buffer_mb, hold=hold)
    for epoch in range(history[-1].epoch + 1 if history else 1, settings.epochs + 1):
        if not best.learning.any():
            break
        if stack.is_worth_shrinking(best.learning):
            stack = stack.without(~best.learning)
            gc.collect()  # frees the larger network, whose objects refer to each other
        rows = _one_epoch(stack, source, epoch, best, watcher.on_batch)
        history += rows
        if checkpoint is not None and checkpoint.due():
            checkpoint.write(stack.state(best, history))
        watcher.on_epoch(rows)
    if checkpoint is not None:
        checkpoint.write(stack.state(best, history))
    return calibrated(best.models(), assignments, source, stack.shape, batch_size=plan.batch_size)


def first_weights(
    assignments: Assignments, shape: NetworkShape, seed: int, starts: Callable[[str, int], Weights] | None = None
) -> list[Weights]:
    """Each model's initial weights: from `starts`, or drawn by the seed, its outcome and its fold alone."""
    if starts is not None:
        return [starts(*model) for model in assignments.models]
    network = location_network(shape)
    return [
        initial_weights(network, np.random.default_rng([WEIGHTS, seed, zlib.crc32(outcome.encode()), fold]))
        for outcome, fold in assignments.models
    ]


def _new_stack(
    assignments: Assignments,
    plan: TrainingPlan,
    starts: Callable[[str, int], Weights] | None,
    saved: TrainingState | None,
) -> TrainingStack:
    """A stack with the layout of the checkpoint, or else of all models with their first weights."""
    if saved is not None:
        layout = Layout(saved.arrays["layout"], len(assignments.outcomes))
        return TrainingStack(assignments, plan, layout)
    layout = Layout.apart(assignments) if plan.settings.balanced_batches else Layout.together(assignments)
    stack = TrainingStack(assignments, plan, layout)
    stack.network.set_model_weights(first_weights(assignments, stack.shape, plan.seed, starts))
    return stack


def _resume(stack: TrainingStack, best: BestModels, saved: TrainingState, watcher: Watcher) -> list[HistoryRow]:
    """Put the checkpoint's state into `stack` and `best`; the history up to it."""
    stack.restore(saved.arrays)
    best.restore(saved.arrays)
    for _, rows in groupby(saved.history, lambda row: row.epoch):
        watcher.on_epoch(list(rows))
    logger.info("training: continues after epoch %d", saved.history[-1].epoch)
    return saved.history


def _one_epoch(
    stack: TrainingStack, source: FeatureSource, epoch: int, best: BestModels, on_batch: Callable[[int], None]
) -> list[HistoryRow]:
    """Train and validate once; updates `best`, and returns the history of the models that were still learning."""
    learned = stack.learn(source, (ORDER, stack.plan.seed, epoch), best, on_batch)
    validated, scores = stack.validate(source)
    rates = best.rate_share * float(stack.network.optimizer.learning_rate)
    rows = []
    for m in np.flatnonzero(best.learning):
        (loss, mae, accuracy), (val_loss, val_mae, val_accuracy) = learned[:, m].tolist(), validated[:, m].tolist()
        measured = loss, val_loss, mae, val_mae, accuracy, val_accuracy, float(rates[m])
        outcome, fold = stack.assignments.models[m]
        rows.append(HistoryRow(outcome, fold, epoch, *measured, tuple(scores[:, m].tolist())))
    best.take(epoch, validated, stack.weights_of)
    return rows
