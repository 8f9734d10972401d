"""Training in rounds: each trains as many models at once as fit into memory."""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import keras
import psutil

from streetdeciles import __version__, storage
from streetdeciles.digests import settings_digest
from streetdeciles.hardware import device_of
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.network import NetworkShape
from streetdeciles.progress import progress
from streetdeciles.stages import TRAINING_STAGE
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.checkpoints import CHECKPOINTS, Checkpoints
from streetdeciles.training.feature_source import may_be_held
from streetdeciles.training.history import HistoryLog, HistoryRow
from streetdeciles.training.plan import TrainingPlan
from streetdeciles.training.progress_log import ProgressLog
from streetdeciles.training.stack import network_shape
from streetdeciles.training.stacked_training import Watcher, train_models

if TYPE_CHECKING:
    from streetdeciles.models.start import StartModels

MEMORY_SHARE = 0.5
"""Share of a GPU's memory, or of the memory free at the start; the rest is for Spark and the page cache."""
ARRAYS_PER_PARAMETER = 6
"""Weights, gradients, Adam's two moments, the best weights so far, and a copy while they are read."""
ARRAYS_PER_ACTIVATION = 8
"""A layer's product, its normalised and rectified values, and the gradient of each."""

logger = logging.getLogger(__name__)


def train(
    assignments: Assignments,
    plan: TrainingPlan,
    work_dir: str,
    logs: Sequence[HistoryLog],
    starts: StartModels | None = None,
) -> tuple[list[TrainedModel], list[HistoryRow]]:
    """The models of `assignments`, round by round, and their history; continues where a killed run stopped.

    The checkpoints are in `work_dir`.
    """
    epochs = plan.settings.epochs
    memory_bytes = MEMORY_SHARE * _memory_bytes()
    hold = may_be_held(assignments.rows, memory_bytes)
    if hold:
        memory_bytes -= assignments.rows.features.nbytes
    shape = network_shape(assignments.rows, plan.settings)
    checkpoints = _checkpoints(work_dir, assignments, plan, starts)
    rounds = checkpoints.rounds(
        assignments, lambda: plan_rounds(assignments, shape, plan.batch_size, memory_bytes=memory_bytes)
    )
    logger.info("training: %d model(s) in %d round(s)", len(assignments.models), len(rounds))
    models: list[TrainedModel] = []
    with progress(TRAINING_STAGE, epochs * assignments.n_learning(), unit="model-rows") as advance:
        progress_log = ProgressLog(epochs, logs, advance)
        for number, part in enumerate(rounds):
            progress_log.begin(part.n_learning())
            models += train_models(
                part,
                plan,
                starts=starts.weights if starts else None,
                watcher=Watcher(progress_log.on_batch, progress_log.on_epoch),
                checkpoint=checkpoints.of_round(number),
                hold=hold,
            )
            progress_log.end()
            gc.collect()  # frees the network for the next round: its objects refer to each other
    return models, progress_log.history


def plan_rounds(
    assignments: Assignments, shape: NetworkShape, batch_size: int, *, memory_bytes: float
) -> list[Assignments]:
    """`assignments` in as few parts as fit into `memory_bytes`: all folds of some outcomes, or some folds of one.

    A part has at least one model, however little memory there is.
    """
    max_models = max(1, int(memory_bytes / model_bytes(shape, batch_size)))
    n_folds, n_outcomes = len(assignments.folds), len(assignments.outcomes)
    fold_parts = _parts(n_folds, min(n_folds, max_models))
    outcome_parts = _parts(n_outcomes, max(1, max_models // n_folds))
    return [assignments.part(folds, outcomes) for outcomes in outcome_parts for folds in fold_parts]


def model_bytes(shape: NetworkShape, batch_size: int) -> int:
    """Memory of one model in training: float32 parameters, activations and the features of a batch."""
    units = (shape.features, *shape.view_units, *shape.location_units, 1)
    parameters = sum(prod(pair) for pair in zip(units, units[1:], strict=False))
    activations_per_row = shape.views * sum(shape.view_units) + sum(shape.location_units)
    features = shape.views * shape.features
    activations = batch_size * (ARRAYS_PER_ACTIVATION * activations_per_row + 4 * features)
    return 4 * (ARRAYS_PER_PARAMETER * parameters + activations)


def training_fingerprint(assignments: Assignments, plan: TrainingPlan, starts: StartModels | None) -> str:
    """Equal for trainings that end with equal models."""
    return settings_digest(
        training_set=assignments.rows.fingerprint,
        settings=plan.resolved_settings(),
        held_out_deciles=assignments.held_out_deciles,
        seed=plan.seed,
        models=assignments.models,
        starts=starts.fingerprint if starts else None,
        versions=[__version__, keras.__version__, keras.backend.backend()],
    )


def _memory_bytes() -> int:
    return device_of(keras.backend.backend()).memory_bytes or int(psutil.virtual_memory().available)


def _checkpoints(
    work_dir: str, assignments: Assignments, plan: TrainingPlan, starts: StartModels | None
) -> Checkpoints:
    key = training_fingerprint(assignments, plan, starts)
    return Checkpoints(storage.join(work_dir, *CHECKPOINTS, f"{plan.settings.train_size:g}"), key)


def _parts(n: int, size: int) -> list[range]:
    return [range(first, min(first + size, n)) for first in range(0, n, size)]
