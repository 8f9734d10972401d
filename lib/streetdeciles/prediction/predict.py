"""From rows of the training set to rows of `predictions`, in Arrow batches; runs on an executor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streetdeciles.errors import RunFailed
from streetdeciles.keras_start import start_keras
from streetdeciles.methods import NETWORK
from streetdeciles.prediction.chosen_models import ChosenModels
from streetdeciles.training_set.codec import decode_arrays

if TYPE_CHECKING:
    from streetdeciles.prediction.predictors import Prediction

ARRAYS = ("features", "view_mask")
COLUMNS = ("location_id", "fold", *ARRAYS)


def predict(batches: Iterable[pa.RecordBatch], *, models: ChosenModels, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Predictions in `schema` for every location (columns COLUMNS) and outcome, with the chosen `models`.

    With `held_out_deciles`, `batches` also have a column of deciles for each outcome.

    Raises:
        RunFailed: a location is in a fold without models, or has features that are not finite.
    """
    _use_own_cores()
    start_keras()
    from streetdeciles.prediction.predictors import load_predictor

    for batch in batches:
        features, view_mask = (decode_arrays(batch.column(name)) for name in ARRAYS)
        locations = batch.select([name for name in batch.schema.names if name not in ARRAYS])
        _refuse_not_finite(locations, features)
        for prediction in load_predictor(models).predict(locations, features.astype(np.float32), view_mask):
            yield _rows(locations, prediction, schema)


def _refuse_not_finite(locations: pa.RecordBatch, features: npt.NDArray[Any]) -> None:
    """Training refuses them too, but a run with the models of another run does not train."""
    finite = np.isfinite(features).all(axis=(1, 2))
    if not finite.all():
        bad = locations.column("location_id")[int(np.flatnonzero(~finite)[0])]
        raise RunFailed(
            f"training_set: location_id {bad} has features that are NaN or infinite; "
            "extract its photographs again or leave it out"
        )


def _rows(locations: pa.RecordBatch, prediction: Prediction, schema: pa.Schema) -> pa.RecordBatch:
    """One row per included location and outcome, location by location."""
    location, outcome = np.nonzero(prediction.included)
    n, classes = len(location), prediction.probabilities.shape[-1]
    offsets = np.arange(0, n * classes + 1, classes, dtype=np.int32)
    included = prediction.included
    columns = {
        "location_id": locations.column("location_id").take(pa.array(prediction.rows[location])),
        "outcome": pa.array(prediction.outcomes).take(pa.array(outcome)),
        "model": pa.repeat(NETWORK, n),
        "fold": pa.repeat(pa.scalar(prediction.fold, pa.int32()), n),
        "score": pa.array(prediction.scores[included]),
        "decile": pa.array(prediction.deciles[included]),
        "temperature": pa.array(prediction.temperatures[outcome]),
        "probabilities": pa.ListArray.from_arrays(offsets, prediction.probabilities[included].ravel()),
    }
    return pa.RecordBatch.from_arrays(
        [columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema
    )


def _use_own_cores() -> None:
    """Let the network use only the cores of its task, because others run beside it. Must precede Keras' start."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is not None:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(context.cpus()))
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several tasks may share a GPU
