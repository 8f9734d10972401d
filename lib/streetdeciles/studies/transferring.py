"""Models of one region on another: as they are, and fine-tuned on growing shares of its areas. Arrays in, rows out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.config import RunConfig, TrainingConfig
from streetdeciles.digests import settings_digest
from streetdeciles.evaluation.bootstrap import drawn_units, measure
from streetdeciles.models.start import StartModels
from streetdeciles.models.store import TrainedModel
from streetdeciles.studies.areas import predict_areas
from streetdeciles.studies.row_areas import RowAreas
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.inputs import assign_rows
from streetdeciles.training.plan import TrainingPlan, plan_training
from streetdeciles.training.rounds import train
from streetdeciles.training_set.fold_codes import LEARNED

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
AS_IS = 0.0
"""The share of a model that has not learned from the region."""

TUNING_RATE = 0.1
"""Models that were trained here are fine-tuned with this share of their learning rate."""


@dataclass(frozen=True)
class Setting:
    """What all trainings of a transfer have in common; `folder` is for their checkpoints."""

    rows: TrainingRows
    areas: RowAreas
    config: RunConfig
    precision: str
    folder: str


def source_models(setting: Setting, region: str) -> tuple[StartModels, list[str]]:
    """The models of all areas of `region`, one per outcome that can be learned, and notes on the others."""
    is_inside = _in_region(setting.areas, region)
    fold = np.where(is_inside, LEARNED, 0).astype(np.int32)
    rows = _only(setting.rows, is_inside, fold, region)
    # Buffers keep regions' own folds apart, which are not used here.
    rows = replace(rows, units=replace(rows.units, in_buffer={}) if rows.units else None)
    settings = setting.config.training.model_copy(update={"train_size": 1.0, "folds": None})
    assignments, notes = _assign(rows, settings, setting.config)
    if not assignments.outcomes:
        return StartModels({}), notes
    folder = storage.join(setting.folder, f"from-{zlib.crc32(region.encode())}")
    models, _ = train(assignments, _plan(setting, settings, is_inside), folder, [])
    return StartModels({model.outcome: {0: model.weights} for model in models}), notes


def transfer_to(
    setting: Setting, region: str, source: str, starts: StartModels, *, rate_share: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of the table transfer, without `dataset`, and notes on what could not be learned.

    For each share of the region's areas that a fold's models may learn from, models that start from `starts` learn from
    them. All shares have the same held-out areas, and those of a share are among those of a larger one.
    """
    is_inside = _in_region(setting.areas, region)
    fold = np.where(is_inside, setting.rows.fold, LEARNED).astype(np.int32)
    rows = _only(setting.rows, is_inside, fold, region)
    tuned = setting.config.training
    tuned = tuned.model_copy(update={"learning_rate": tuned.learning_rate * rate_share})
    pair = zlib.crc32(f"{source}\0{region}".encode())
    predicted: list[tuple[float, pd.DataFrame]] = []
    learning: dict[tuple[float, str], int] = {}
    notes: list[str] = []
    for share in (AS_IS, *SHARES):
        settings = tuned.model_copy(update={"train_size": share or 1.0})
        assignments, share_notes = _assign(rows, settings, setting.config, known=starts)
        if share:
            notes += [f"{source} to {region}, {share:.0%}: {note}" for note in share_notes]
        if not assignments.outcomes:
            continue
        if share:
            folder = storage.join(setting.folder, f"pair-{pair}")
            models, _ = train(assignments, _plan(setting, settings, is_inside), folder, [], starts)
        else:
            models = [TrainedModel(o, f, starts.weights(o, f), 0, nan, nan) for o, f in assignments.models]
        predicted.append((share, predict_areas(assignments, models, settings, setting.areas)))
        learning |= {(share, outcome): n if share else 0 for outcome, n in _learning_areas(assignments)}
    return [*_measured(predicted, learning, source, region, setting.config)], notes


def _measured(
    predicted: Sequence[tuple[float, pd.DataFrame]],
    learning: dict[tuple[float, str], int],
    source: str,
    region: str,
    config: RunConfig,
) -> Iterator[dict[str, Any]]:
    """Measures by outcome and share; all shares are measured in the same random samples of areas, or of blocks."""
    import pandas as pd

    if not predicted:
        return
    all_cells = pd.concat([areas.assign(method=f"{share:g}", n=1) for share, areas in predicted])
    all_cells["drawn"] = drawn_units(all_cells["area_id"], all_cells["block"])
    for outcome, cells in all_cells.groupby("outcome", sort=True):
        random = np.random.default_rng([config.seed, zlib.crc32(f"{source}\0{region}\0{outcome}".encode())])
        measures = measure(cells, samples=config.evaluation.bootstrap, random=random)
        for method in sorted(measures, key=float):
            about = {"source": source, "region": region, "outcome": outcome, "share": float(method)}
            yield {**about, "n_learning": learning[float(method), str(outcome)], **measures[method]}


def _in_region(areas: RowAreas, region: str) -> npt.NDArray[np.bool_]:
    """Whether each row is in the region, [rows]."""
    inside: npt.NDArray[np.bool_] = (areas.keys["region"] == region).to_numpy()[areas.number]
    return inside


def _only(
    rows: TrainingRows, is_inside: npt.NDArray[np.bool_], fold: npt.NDArray[np.int32], region: str
) -> TrainingRows:
    """The same rows with new folds; those outside have no deciles, so nothing is learned from them or measured."""
    deciles = np.where(is_inside[:, None], rows.deciles, 0).astype(np.int8)
    fingerprint = settings_digest(training_set=rows.fingerprint, region=region, folds=zlib.crc32(fold.tobytes()))
    return replace(rows, deciles=deciles, fold=fold, fingerprint=fingerprint)


def _assign(
    rows: TrainingRows, settings: TrainingConfig, config: RunConfig, *, known: StartModels | None = None
) -> tuple[Assignments, list[str]]:
    """The assignments of the outcomes that can be learned and, with `known`, of which it has models; and notes."""
    assignments, notes = assign_rows(rows, settings, config.dataset, seed=config.seed)
    notes = [note for note in notes if "is skipped" in note]
    if known is None or None in known.by_outcome:
        return assignments, notes
    kept = [index for index, outcome in enumerate(assignments.outcomes) if outcome in known.by_outcome]
    return assignments.part(range(len(assignments.folds)), kept), notes


def _plan(setting: Setting, settings: TrainingConfig, is_inside: npt.NDArray[np.bool_]) -> TrainingPlan:
    n_locations = int(is_inside.sum())
    return plan_training(settings, seed=setting.config.seed, n_locations=n_locations, precision=setting.precision)


def _learning_areas(assignments: Assignments) -> Iterator[tuple[str, int]]:
    """Each outcome and the mean over folds of the number of areas learned from."""
    mean = assignments.learning_areas.sum(axis=2).mean(axis=0)
    yield from zip(assignments.outcomes, np.rint(mean).astype(int).tolist(), strict=True)
