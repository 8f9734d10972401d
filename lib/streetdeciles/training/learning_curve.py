"""How much more places would help: held-out error of models that have learned from a share of the areas."""

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
from streetdeciles.ordinal.stacked_network import stack
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.stacked_training import network_shape

SIZES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
ROWS_AT_ONCE = 256


class CurvePoint(NamedTuple):
    """One model. `mae` is in deciles, of the held-out `locations`; `val_mae` of those that chose its best epoch."""

    train_size: float
    outcome: str
    fold: int
    learning_areas: int
    best_epoch: int
    val_mae: float
    locations: int
    mae: float


def curve_points(assignments: Assignments, models: list[TrainedModel], settings: TrainingConfig) -> list[CurvePoint]:
    """The points of `models`, which have learned by `assignments` with `settings.train_size`; by fold, then outcome."""
    points = []
    for f, fold in enumerate(assignments.folds):
        own = [model for model in models if model.fold == fold]
        errors = held_out_errors(assignments, f, own, settings)
        for model, error in zip(own, errors, strict=True):
            n_areas = int(assignments.learning_areas[f, assignments.outcomes.index(model.outcome)].sum())
            mae = float(error.mean()) if error.size else float("nan")
            about = (model.outcome, fold, n_areas, model.epoch, model.val_mae)
            points.append(CurvePoint(settings.train_size, *about, error.size, mae))
    return points


def held_out_errors(
    assignments: Assignments, f: int, models: list[TrainedModel], settings: TrainingConfig
) -> list[npt.NDArray[np.int64]]:
    """Of the models of fold `folds[f]`: distance in deciles of each location held out from it whose decile is known."""
    rows = assignments.rows
    places = [assignments.outcomes.index(model.outcome) for model in models]
    everything = np.arange(len(rows))
    measured = (assignments.held_out(f, everything) & (assignments.deciles(everything) > 0))[places]
    index = np.flatnonzero(measured.any(axis=0))
    network = stack(network_shape(rows, settings), [model.weights for model in models])
    found = [np.zeros((len(models), 0), np.int64)]
    for some in (index[first : first + ROWS_AT_ONCE] for first in range(0, len(index), ROWS_AT_ONCE)):
        features = np.asarray(rows.features[some], np.float32)
        scores = network({"features": features, "view_mask": rows.view_mask[some]}, training=False)
        found.append(np.asarray(predicted_decile(scores), np.int64))
    true = assignments.deciles(index)[places].astype(np.int64)
    distances = np.abs(np.concatenate(found, axis=1) - true)
    return [own[wanted] for own, wanted in zip(distances, measured[:, index], strict=True)]


def curve_csv(points: Iterable[CurvePoint]) -> str:
    text = io.StringIO()
    write_rows(text, [CurvePoint._fields, *points])
    return text.getvalue()


def mean_errors(points: Iterable[CurvePoint]) -> dict[str, dict[float, float]]:
    """Outcome -> size -> mean absolute error over all held-out locations."""
    sums: dict[str, dict[float, tuple[float, int]]] = {}
    for point in (point for point in points if point.locations):
        total, n = sums.setdefault(point.outcome, {}).get(point.train_size, (0.0, 0))
        sums[point.outcome][point.train_size] = total + point.mae * point.locations, n + point.locations
    return {outcome: {size: total / n for size, (total, n) in own.items()} for outcome, own in sums.items()}
