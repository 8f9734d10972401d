"""Rows of the training set to rows of `predictions`, Arrow in and Arrow out: what runs on an executor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from streetdeciles.errors import RunFailed
from streetdeciles.keras_start import start_keras
from streetdeciles.training_set import decode_arrays

if TYPE_CHECKING:
    from streetdeciles.prediction.fold_models import Predicted

COLUMNS = ("location_id", "fold", "features", "view_mask")
MODEL = "network"


class ModelFile(NamedTuple):
    """What the model card says of one model; the hash tells one training from the next, for a worker outlives both."""

    outcome: str
    fold: int
    file: str
    weights_sha256: str


def predict(
    batches: Iterable[pa.RecordBatch], *, models_uri: str, files: tuple[ModelFile, ...], schema: pa.Schema, mean: bool
) -> Iterator[pa.RecordBatch]:
    """Predictions of every location and outcome, in `schema`.

    They are those of the models that have not seen its area, or the `mean` of all models' scores, with no fold.

    Raises:
        RunFailed: a location is in a fold that no model was held out for.
    """
    _use_own_cores()
    start_keras()
    from streetdeciles.prediction.fold_models import load_fold_models, load_mean_of_models

    for batch in batches:
        location_ids = batch.column("location_id")
        features, view_mask = decode_arrays(batch.column("features")), decode_arrays(batch.column("view_mask"))
        if mean:
            all_models = load_mean_of_models(models_uri, files)
            predicted = all_models.predict(features.astype(np.float32), view_mask)
            yield _rows(location_ids, None, all_models.outcomes, predicted, schema)
            continue
        folds = batch.column("fold").to_numpy(zero_copy_only=False)
        fold_models = load_fold_models(models_uri, files)
        for fold in np.unique(folds).tolist():
            if fold not in fold_models:
                raise RunFailed(f"training_set: fold {fold} has no models; run the training stage again")
            rows = np.flatnonzero(folds == fold)
            models = fold_models[fold]
            predicted = models.predict(features[rows].astype(np.float32), view_mask[rows])
            yield _rows(location_ids.take(pa.array(rows)), fold, models.outcomes, predicted, schema)


def _rows(
    location_ids: pa.Array, fold: int | None, names: tuple[str, ...], predicted: Predicted, schema: pa.Schema
) -> pa.RecordBatch:
    """One row for each location and outcome, location by location."""
    n, outcomes = predicted.scores.shape
    location, outcome = np.divmod(np.arange(n * outcomes), outcomes)
    classes = predicted.probabilities.shape[-1]
    offsets = np.arange(0, n * outcomes * classes + 1, classes, dtype=np.int32)
    columns = {
        "location_id": location_ids.take(pa.array(location)),
        "outcome": pa.array(names).take(pa.array(outcome)),
        "model": pa.repeat(MODEL, n * outcomes),
        "fold": pa.repeat(pa.scalar(fold, pa.int32()), n * outcomes),
        "score": pa.array(predicted.scores.ravel()),
        "decile": pa.array(predicted.deciles.ravel()),
        "probabilities": pa.ListArray.from_arrays(offsets, predicted.probabilities.ravel()),
    }
    return pa.RecordBatch.from_arrays(
        [columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema
    )


def _use_own_cores() -> None:
    """A task's network computes on the task's cores only: others run beside it. Too late once the network is there."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is not None:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(context.cpus()))
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several tasks may share a GPU
