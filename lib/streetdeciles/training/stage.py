"""Stage training: the training set to one network for each outcome and fold."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import SPLITS, RunConfig, result_settings
from streetdeciles.errors import RunRefused
from streetdeciles.hardware import choose_precision, device_of
from streetdeciles.keras_start import start_keras
from streetdeciles.models.card import MODEL_CARD, read_card
from streetdeciles.progress import progress
from streetdeciles.run_log import StageReport
from streetdeciles.splits.registry import split_of
from streetdeciles.tables import TRAINING_SET
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.cache import COLUMNS, TrainingRows, cache_rows
from streetdeciles.training.checkpoints import CHECKPOINTS
from streetdeciles.training.history import HistoryRow, TensorBoardLog, history_csv
from streetdeciles.training.mlflow_log import tracked_training
from streetdeciles.training_set.reader import open_training_set, training_set_shape

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from streetdeciles.models.start import StartModels
    from streetdeciles.models.store import TrainedModel

MODELS = "models"
LEARNING_CURVE = "learning_curve.csv"

logger = logging.getLogger(__name__)


def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write models/ (a .keras file a model, history.csv, model_card.json) and logs/tensorboard/.

    A training that was killed goes on from its last checkpoint.

    Raises:
        RunRefused: no outcome can be learned, features that are not finite, or start models that do not fit.
        RunFailed: too little disk for the cache, or a training that diverges.
    """
    start_keras()
    from streetdeciles.training.rounds import train, training_fingerprint

    config = _with_precision(config)
    with _scratch(config.work_dir) as folder, _tensorboard(config.work_dir) as log:
        starts = _start_models(config)
        rows = _read(config, folder)
        config = _with_batch_size(config, rows)
        assignments, notes = _plan(config, rows)
        if not assignments.outcomes:
            raise RunRefused(f"training: nothing can be learned; {'; '.join(notes)}")
        with tracked_training(config, assignments, training_fingerprint(config, assignments, starts)) as tracked:
            models, history = train(config, assignments, [log, tracked] if tracked else [log], starts)
            _save(config, rows, models, history, notes)
            if tracked:
                tracked.result(_mean_results(models), {MODEL_CARD: read_card(storage.join(config.work_dir, MODELS))})
        storage.remove(storage.join(config.work_dir, *CHECKPOINTS))
    counts = {
        "locations": len(rows),
        "outcomes": len(rows.outcomes),
        "outcomes skipped": len(rows.outcomes) - len(assignments.outcomes),
        **({"folds": len(assignments.folds)} if config.dataset.folds else {}),
        "models": len(models),
        "epochs, all models together": len(history),
    }
    return StageReport("training", counts, [*notes, *_results(assignments, models)])


def learning_curve(config: RunConfig) -> StageReport:
    """Write learning_curve.csv: held-out errors of models that learn from 1, 5, 10, 25, 50 and 100 % of the areas.

    A size of which no model can be trained is skipped and named. What a killed run has reached is not done again.

    Raises:
        RunRefused: nothing is held out or can be learned at any size, features are not finite, or start models do not
            fit.
    """
    if "prediction" in split_of(config.dataset).skipped_stages:
        raise RunRefused("the learning curve is of held-out locations, and dataset.split train_only has none")
    start_keras()
    from streetdeciles.training.learning_curve import SIZES, CurvePoint, curve_csv, curve_points, mean_errors
    from streetdeciles.training.rounds import train

    config = _with_precision(config)
    points: list[CurvePoint] = []
    notes: list[str] = []
    with _scratch(config.work_dir) as folder:
        starts = _start_models(config)
        rows = _read(config, folder)
        for size in SIZES:
            training = config.training.model_copy(update={"train_size": size})
            assignments, told = _plan(config.model_copy(update={"training": training}), rows)
            notes += [f"{size:.0%}: {note}" for note in told if "is skipped" in note]
            if assignments.outcomes:
                models, _ = train(config.model_copy(update={"training": training}), assignments, [], starts)
                points += curve_points(assignments, models, training)
        if not points:
            raise RunRefused(f"training: nothing can be learned; {'; '.join(notes)}")
        storage.write_text(storage.join(config.work_dir, LEARNING_CURVE), curve_csv(points))
        storage.remove(storage.join(config.work_dir, *CHECKPOINTS))
    for outcome, errors in mean_errors(points).items():
        by_size = ", ".join(f"{size:.0%}: {mae:.2f}" for size, mae in errors.items())
        notes.append(f"{outcome}: mean error in deciles of held-out locations by size {by_size}")
    return StageReport("learning curve", {"locations": len(rows), "models": len(points)}, notes)


def _with_precision(config: RunConfig) -> RunConfig:
    """`config` with the precision that `auto` is here."""
    import keras

    device = device_of(keras.backend.backend())
    precision = choose_precision(config.training.precision, device)
    logger.info("training: on %s (%s), %s", device.kind, device.name, precision)
    return config.model_copy(update={"training": config.training.model_copy(update={"precision": precision})})


def _with_batch_size(config: RunConfig, rows: TrainingRows) -> RunConfig:
    """`config` with the batch size that `auto` is for these rows, for those who read the model card."""
    from streetdeciles.training.batches import batch_size_of

    batch_size = batch_size_of(config.training, len(rows))
    return config.model_copy(update={"training": config.training.model_copy(update={"batch_size": batch_size})})


def _read(config: RunConfig, folder: Path) -> TrainingRows:
    uri = storage.join(config.work_dir, TRAINING_SET)
    shape = training_set_shape(uri)
    with progress("training: reading", shape.rows, unit="locations") as advance:

        def told() -> Iterator[dict[str, Any]]:
            for batch in open_training_set(uri, [*COLUMNS, *shape.outcomes]):
                yield batch
                advance(len(batch["row_number"]))

        return cache_rows(told(), shape, folder, dtype=config.training.cache)


def _start_models(config: RunConfig) -> StartModels | None:
    if config.training.start_from is None:
        return None
    from streetdeciles.models.start import load_start_models
    from streetdeciles.training.stacked_training import shape_of_input

    rows = training_set_shape(storage.join(config.work_dir, TRAINING_SET))
    shape = shape_of_input(rows.views, rows.feature_size, settings=config.training)
    return load_start_models(config.training.start_from, rows.outcomes, shape)


def _plan(config: RunConfig, rows: TrainingRows) -> tuple[Assignments, list[str]]:
    settings = config.training
    assignments, notes = plan_assignments(
        rows,
        validation_share=settings.validation_share,
        seed=config.seed,
        train_size=settings.train_size,
        folds=settings.folds,
        held_out_deciles=config.dataset.held_out_deciles or (),
    )
    if settings.train_size < 1:
        notes.append(f"learned from {settings.train_size:.3g} of the areas that there are to learn from")
    if settings.start_from is not None:
        notes.append(
            f"started from {settings.start_from}: results are of held-out areas only as far as those models have not "
            "seen them"
        )
    return assignments, notes


def _save(
    config: RunConfig, rows: TrainingRows, models: list[TrainedModel], history: list[HistoryRow], notes: list[str]
) -> None:
    from streetdeciles.models.store import save_card, save_models
    from streetdeciles.training.stacked_training import network_shape

    shape = network_shape(rows, config.training)
    staged = storage.staging_uri(config.work_dir, MODELS)
    try:
        saved = save_models(models, shape, staged)
        storage.write_text(storage.join(staged, "history.csv"), history_csv(history))
        settings = {"seed": config.seed, **result_settings(config.training)}
        split = {key: getattr(config.dataset, key) for key in ("split", *SPLITS[config.dataset.split])}
        save_card(staged, saved, shape, settings, notes, training_set=rows.fingerprint, split=split)
        storage.replace(staged, storage.join(config.work_dir, MODELS))
    finally:
        storage.remove(staged)


def _mean_results(models: list[TrainedModel]) -> dict[str, float]:
    """Validation loss and MAE, the mean of all models and of each outcome's."""
    found: dict[str, float] = {}
    for outcome in dict.fromkeys([None, *(model.outcome for model in models)]):
        own = [model for model in models if outcome in (None, model.outcome)]
        for name in ("val_loss", "val_mae"):
            found[f"{outcome}/{name}" if outcome else name] = mean(getattr(model, name) for model in own)
    return found


def _results(assignments: Assignments, models: list[TrainedModel]) -> Iterator[str]:
    for outcome in assignments.outcomes:
        own = [model for model in models if model.outcome == outcome]
        epochs = ", ".join(str(model.epoch) for model in own)
        yield f"{outcome}: validation MAE {mean(model.val_mae for model in own):.2f} deciles, best epochs {epochs}"


@contextmanager
def _scratch(work_dir: str) -> Iterator[Path]:
    """A local folder for the cache, gone afterwards; what a killed run has left is removed first."""
    if not storage.is_local(work_dir):
        with tempfile.TemporaryDirectory(prefix="streetdeciles-training-") as folder:
            yield Path(folder)
        return
    path = Path(storage.local_path(work_dir)) / "_cache" / "training"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)
        with suppress(OSError):  # others' caches are in it
            path.parent.rmdir()


@contextmanager
def _tensorboard(work_dir: str) -> Iterator[TensorBoardLog]:
    """The log in logs/tensorboard: written there, so that it can be watched, or copied there at the end."""
    uri = storage.join(work_dir, "logs", "tensorboard")
    storage.remove(uri)
    if storage.is_local(work_dir):
        with closing(TensorBoardLog(Path(storage.local_path(uri)))) as log:
            yield log
        return
    with tempfile.TemporaryDirectory(prefix="streetdeciles-logs-") as folder:
        with closing(TensorBoardLog(Path(folder))) as log:
            yield log
        storage.upload(Path(folder), uri)
