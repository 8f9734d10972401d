"""Rows of the training set to rows of `predictions`, Arrow in and Arrow out: what runs on an executor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streetdeciles.errors import RunFailed
from streetdeciles.keras_start import start_keras
from streetdeciles.training_set import THE_ONE_MODEL, decode_arrays

if TYPE_CHECKING:
    from streetdeciles.prediction.fold_models import Predicted

ARRAYS = ("features", "view_mask")
COLUMNS = ("location_id", "fold", *ARRAYS)
MODEL = "network"


class ModelFile(NamedTuple):
    """What the model card says of one model; the hash tells one training from the next, for a worker outlives both."""

    outcome: str
    fold: int
    file: str
    weights_sha256: str


@dataclass(frozen=True)
class Models:
    """Which models predict, and what of a location.

    mean: of all models' scores, with no fold; else of those that have not seen the location's fold.
    held_out_deciles: where given, an outcome is predicted where its decile is one of these, by its one model.
    """

    uri: str
    files: tuple[ModelFile, ...]
    mean: bool = False
    held_out_deciles: tuple[int, ...] = ()


def predict(batches: Iterable[pa.RecordBatch], *, models: Models, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Predictions in `schema` of every location (columns COLUMNS) and outcome, as `models` says.

    With `held_out_deciles` there is a column of deciles for each outcome too.

    Raises:
        RunFailed: a location is in a fold that no model was held out for, or has features that are not finite.
    """
    _use_own_cores()
    start_keras()
    from streetdeciles.prediction.fold_models import load_fold_models, load_mean_of_models

    for batch in batches:
        features, view_mask = (decode_arrays(batch.column(name)) for name in ARRAYS)
        places = batch.select([name for name in batch.schema.names if name not in ARRAYS])
        _refuse_not_finite(places, features)
        if models.mean:
            all_models = load_mean_of_models(models.uri, models.files)
            predicted = all_models.predict(features.astype(np.float32), view_mask)
            yield _rows(places, predicted, schema, names=all_models.outcomes, fold=None, wanted=_everything(predicted))
            continue
        folds = places.column("fold").to_numpy(zero_copy_only=False)
        if models.held_out_deciles:
            folds = np.full(len(folds), THE_ONE_MODEL)
        fold_models = load_fold_models(models.uri, models.files)
        for fold in np.unique(folds).tolist():
            if fold not in fold_models:
                raise RunFailed(f"training_set: fold {fold} has no models; run the training stage again")
            rows = np.flatnonzero(folds == fold)
            own, of_fold = fold_models[fold], places.take(pa.array(rows))
            predicted = own.predict(features[rows].astype(np.float32), view_mask[rows])
            wanted = _everything(predicted)
            if models.held_out_deciles:
                wanted = _of_deciles(of_fold, own.outcomes, models.held_out_deciles)
            yield _rows(of_fold, predicted, schema, names=own.outcomes, fold=fold, wanted=wanted)


def _refuse_not_finite(places: pa.RecordBatch, features: npt.NDArray[Any]) -> None:
    """Training has refused them already, but with the models of another run there was none."""
    finite = np.isfinite(features).all(axis=(1, 2))
    if not finite.all():
        bad = places.column("location_id")[int(np.flatnonzero(~finite)[0])]
        raise RunFailed(
            f"training_set: location_id {bad} has features that are NaN or infinite; "
            "extract its photographs again or leave it out"
        )


def _everything(predicted: Predicted) -> npt.NDArray[np.bool_]:
    return np.ones(predicted.scores.shape, bool)


def _of_deciles(places: pa.RecordBatch, outcomes: tuple[str, ...], deciles: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Whether an outcome's decile is one of these, [n, outcomes]."""
    columns = [places.column(outcome).fill_null(0).to_numpy(zero_copy_only=False) for outcome in outcomes]
    return np.isin(np.stack(columns, axis=1), deciles)


def _rows(
    places: pa.RecordBatch,
    predicted: Predicted,
    schema: pa.Schema,
    *,
    names: tuple[str, ...],
    fold: int | None,
    wanted: npt.NDArray[np.bool_],
) -> pa.RecordBatch:
    """One row for each location and outcome that is `wanted` [n, outcomes], location by location."""
    location, outcome = np.nonzero(wanted)
    n, classes = len(location), predicted.probabilities.shape[-1]
    offsets = np.arange(0, n * classes + 1, classes, dtype=np.int32)
    columns = {
        "location_id": places.column("location_id").take(pa.array(location)),
        "outcome": pa.array(names).take(pa.array(outcome)),
        "model": pa.repeat(MODEL, n),
        "fold": pa.repeat(pa.scalar(fold, pa.int32()), n),
        "score": pa.array(predicted.scores[wanted]),
        "decile": pa.array(predicted.deciles[wanted]),
        "probabilities": pa.ListArray.from_arrays(offsets, predicted.probabilities[wanted].ravel()),
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
