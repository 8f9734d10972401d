"""The plan of a training: its settings, and the values that `auto` stands for on this machine with these rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import isqrt
from typing import Any

from streetdeciles.config import TrainingConfig, result_settings
from streetdeciles.hardware import choose_precision, device_of

MIN_BATCH_SIZE, MAX_BATCH_SIZE = 16, 256
"""Bounds of `batch_size: auto`. Larger batches multiply faster, but fewer steps per epoch need more epochs."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    settings: as in the config; its `batch_size` and `precision` may be `auto`, so read those of the plan.
    precision: float32 or bfloat16.
    """

    settings: TrainingConfig
    seed: int
    batch_size: int
    precision: str

    def resolved_settings(self) -> dict[str, Any]:
        """The settings that decide the models, with the plan's values in place of `auto`."""
        return {**result_settings(self.settings), "batch_size": self.batch_size, "precision": self.precision}


def plan_training(settings: TrainingConfig, *, seed: int, n_locations: int, precision: str) -> TrainingPlan:
    """The plan for a training set of `n_locations`, in the precision of `resolve_precision`.

    `batch_size: auto` depends on the size of the training set alone, so that all models get the same.
    """
    if settings.batch_size != "auto":
        return TrainingPlan(settings, seed, settings.batch_size, precision)
    batch_size = isqrt(int(n_locations * settings.train_size))
    return TrainingPlan(settings, seed, min(MAX_BATCH_SIZE, max(MIN_BATCH_SIZE, batch_size)), precision)


def resolve_precision(settings: TrainingConfig) -> str:
    """The precision that the settings ask for, or the one that `auto` means on this machine. Starts Keras' backend."""
    import keras

    device = device_of(keras.backend.backend())
    precision = choose_precision(settings.precision, device)
    logger.info("training: on %s (%s), %s", device.kind, device.name, precision)
    return precision
