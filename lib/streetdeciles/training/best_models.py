"""The best weights of each model so far, and which models still learn at which rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunFailed
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.network import Weights


class BestModels:
    """Each model's best epoch so far, which models still learn, and at which share of the learning rate.

    A model stops when it has not improved for `patience` epochs; every `halve_after` such epochs halve its rate.
    """

    def __init__(self, models: tuple[tuple[str, int], ...], patience: int, halve_after: int | None) -> None:
        self.keys = models
        self.patience = patience
        self.halve_after = halve_after
        self.learning = np.ones(len(models), bool)
        self.rate_share = np.ones(len(models), np.float32)
        self.loss = np.full(len(models), np.inf)
        self.epoch = np.zeros(len(models), int)
        self.best: dict[int, TrainedModel] = {}

    def take(
        self,
        epoch: int,
        validated: npt.NDArray[np.float64],
        weights_of: Callable[[list[int]], list[Weights]],
    ) -> None:
        """Keep the weights of the models that have improved; slow down and stop the others.

        `validated` [.., models] begins with loss and MAE; `weights_of` returns the present weights of some models.
        """
        better = np.flatnonzero(self.learning & (validated[0] < self.loss)).tolist()
        self.loss[better], self.epoch[better] = validated[0, better], epoch
        for m, weights in zip(better, weights_of(better), strict=True):
            outcome, fold = self.keys[m]
            val_loss, val_mae = validated[:2, m].tolist()
            self.best[m] = TrainedModel(outcome, fold, weights, epoch, val_loss, val_mae)
        waited = epoch - self.epoch
        if self.halve_after is not None:
            self.rate_share[(waited > 0) & (waited % self.halve_after == 0)] /= 2
        self.learning &= waited < self.patience

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """This whole state, for a checkpoint."""
        kept: dict[str, npt.NDArray[Any]] = {
            "learning": self.learning,
            "rate_share": self.rate_share,
            "loss": self.loss,
            "epoch": self.epoch,
        }
        kept["mae"] = np.array([self.best[m].val_mae if m in self.best else np.nan for m in range(len(self.keys))])
        for m, model in self.best.items():
            kept |= {f"best_{m}_{i}": array for i, array in enumerate(model.weights)}
        return kept

    def restore(self, kept: dict[str, npt.NDArray[Any]]) -> None:
        """Take over the state that `arrays` returned."""
        self.learning, self.rate_share = kept["learning"], kept["rate_share"]
        self.loss, self.epoch = kept["loss"], kept["epoch"]
        for m in np.flatnonzero(self.epoch).tolist():
            weights: Weights = []
            while (name := f"best_{m}_{len(weights)}") in kept:
                weights.append(kept[name])
            outcome, fold = self.keys[m]
            measured = int(self.epoch[m]), float(self.loss[m]), float(kept["mae"][m])
            self.best[m] = TrainedModel(outcome, fold, weights, *measured)

    def models(self) -> list[TrainedModel]:
        """Each model at its best epoch. RunFailed if a model has none."""
        failed = [f"{outcome}/{fold}" for m, (outcome, fold) in enumerate(self.keys) if m not in self.best]
        if failed:
            raise RunFailed(
                f"training: the validation loss of {', '.join(failed)} was NaN in every epoch; "
                "lower training.learning_rate"
            )
        return [self.best[m] for m in range(len(self.keys))]
