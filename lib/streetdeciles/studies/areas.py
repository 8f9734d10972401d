"""Held-out areas: their deciles by the mean score of their locations, beside the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.config import TrainingConfig
from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.studies.row_areas import RowAreas
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.held_out import predict_held_out

if TYPE_CHECKING:
    import pandas as pd


def predict_areas(
    assignments: Assignments, models: list[TrainedModel], settings: TrainingConfig, areas: RowAreas
) -> pd.DataFrame:
    """Held-out areas: `region`, `area_id`, `block`, `outcome`, `fold`, `true_decile` and `predicted_decile`.

    An area with locations in several folds has the mean of all their scores, and the first of its folds.
    """
    import pandas as pd

    parts = []
    for fold_index, fold in enumerate(assignments.folds):
        of_fold = [model for model in models if model.fold == fold]
        held_out = predict_held_out(assignments, fold_index, of_fold, settings)
        for model, scores, deciles, measured in zip(
            of_fold, held_out.scores, held_out.deciles, held_out.is_measured, strict=True
        ):
            area = areas.number[held_out.row_numbers[measured]]
            locations = {"area": area, "score": scores[measured].astype(float), "true_decile": deciles[measured]}
            parts.append(pd.DataFrame(locations).assign(outcome=model.outcome, fold=fold))
    every = pd.concat(parts, ignore_index=True)
    of_areas = every.groupby(["outcome", "area"], as_index=False).agg(
        fold=("fold", "min"), true_decile=("true_decile", "first"), score=("score", "mean")
    )
    of_areas["predicted_decile"] = np.asarray(predicted_decile(of_areas["score"].to_numpy())).astype(float)
    of_areas[["region", "area_id", "block"]] = areas.keys.iloc[of_areas["area"]].to_numpy()
    columns = ["region", "area_id", "block", "outcome", "fold", "true_decile", "predicted_decile"]
    return of_areas[columns].astype({"block": int})


def learned_medians(assignments: Assignments, areas: RowAreas) -> dict[tuple[str, int], float]:
    """By outcome and fold: the median decile of the areas that the model learns from, rounded half to even."""
    everything = np.arange(len(assignments.rows))
    deciles = assignments.deciles(everything)
    medians = {}
    for fold_index, fold in enumerate(assignments.folds):
        is_learned = assignments.learning_weights(fold_index, everything) > 0
        for outcome, learned, of_outcome in zip(assignments.outcomes, is_learned, deciles, strict=True):
            _, first = np.unique(areas.number[learned], return_index=True)
            medians[outcome, fold] = float(np.rint(np.median(of_outcome[learned][first])))
    return medians
