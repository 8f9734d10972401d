"""Whether more locations would help: held-out errors of models that have learned from a share of the areas."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.csv_cells import write_rows
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.held_out import predict_held_out

SIZES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


class CurvePoint(NamedTuple):
    """One model. `mae`, in deciles, is over the held-out `locations`; `val_mae` is over the validation rows."""

    train_size: float
    outcome: str
    fold: int
    learning_areas: int
    best_epoch: int
    val_mae: float
    locations: int
    mae: float


def curve_points(assignments: Assignments, models: list[TrainedModel], settings: TrainingConfig) -> list[CurvePoint]:
    """The points of `models`, trained with `assignments` at `settings.train_size`; by fold, then outcome."""
    points = []
    for fold_index, fold in enumerate(assignments.folds):
        of_fold = [model for model in models if model.fold == fold]
        errors = held_out_errors(assignments, fold_index, of_fold, settings)
        for model, error in zip(of_fold, errors, strict=True):
            outcome_index = assignments.outcomes.index(model.outcome)
            n_areas = int(assignments.learning_areas[fold_index, outcome_index].sum())
            mae = float(error.mean()) if error.size else float("nan")
            about = (model.outcome, fold, n_areas, model.epoch, model.val_mae)
            points.append(CurvePoint(settings.train_size, *about, error.size, mae))
    return points


def held_out_errors(
    assignments: Assignments, fold_index: int, models: list[TrainedModel], settings: TrainingConfig
) -> list[npt.NDArray[np.int64]]:
    """For each of the `models`, all of fold `folds[fold_index]`: the error in deciles of each location that is held out
    from it and has a known decile."""
    held_out = predict_held_out(assignments, fold_index, models, settings)
    errors = np.abs(np.asarray(predicted_decile(held_out.scores), np.int64) - held_out.deciles)
    return [of_model[measured] for of_model, measured in zip(errors, held_out.is_measured, strict=True)]


def curve_csv(points: Iterable[CurvePoint], dataset: str) -> str:
    """The points as CSV, below a header; `dataset` says in each row which training set they are about."""
    text = io.StringIO()
    write_rows(text, [(*CurvePoint._fields, "dataset"), *((*point, dataset) for point in points)])
    return text.getvalue()


def mean_errors(points: Iterable[CurvePoint]) -> dict[str, dict[float, float]]:
    """Outcome -> size -> mean absolute error over all held-out locations."""
    sums: dict[str, dict[float, tuple[float, int]]] = {}
    for point in (point for point in points if point.locations):
        total, n = sums.setdefault(point.outcome, {}).get(point.train_size, (0.0, 0))
        sums[point.outcome][point.train_size] = total + point.mae * point.locations, n + point.locations
    return {outcome: {size: total / n for size, (total, n) in by_size.items()} for outcome, by_size in sums.items()}
