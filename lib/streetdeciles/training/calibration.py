"""Temperatures of trained models, fitted on the areas that chose their best epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.models.store import TrainedModel
from streetdeciles.ordinal.network import NetworkShape
from streetdeciles.ordinal.stacked_network import stack
from streetdeciles.ordinal.tempered import fit_temperature
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.batches import prefetched, validation_batches
from streetdeciles.training.feature_source import FeatureSource
from streetdeciles.training.layout import Layout

DECIMALS = 3
"""The fit is no more exact, and so models trained together or apart have equal temperatures."""


def calibrated(
    models: Sequence[TrainedModel],
    assignments: Assignments,
    source: FeatureSource,
    shape: NetworkShape,
    *,
    batch_size: int,
) -> list[TrainedModel]:
    """`models`, those of `assignments` in their order, with the temperatures that fit their validation rows best.

    The scores are computed in float32, as in prediction. No row that is held out from a model is used. The same rows
    have chosen the model's epoch, so its errors on them are a little too small, and its temperature too.
    """
    layout = Layout.together(assignments)
    network = stack(shape, [model.weights for model in models], sets=len(assignments.folds))
    scores: list[list[npt.NDArray[Any]]] = [[] for _ in models]
    deciles: list[list[npt.NDArray[Any]]] = [[] for _ in models]
    for batch in prefetched(validation_batches(assignments, layout, source, batch_size=batch_size)):
        predicted, is_used = np.asarray(network(batch.inputs, training=False)), batch.inputs["row_weights"] > 0
        for m in range(len(models)):
            scores[m].append(predicted[m, is_used[m]])
            deciles[m].append(batch.deciles[m, is_used[m]].astype(np.int8))
    fitted = zip(models, scores, deciles, strict=True)
    return [
        replace(model, temperature=round(fit_temperature(np.concatenate(s), np.concatenate(d)), DECIMALS))
        for model, s, d in fitted
    ]
