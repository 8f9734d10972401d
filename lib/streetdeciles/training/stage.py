"""Stage training: from the training set to one network per outcome and fold."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import SPLITS, DatasetConfig, RunConfig
from streetdeciles.disks import is_disk
from streetdeciles.errors import RunRefused
from streetdeciles.keras_start import start_keras
from streetdeciles.models.card import MODEL_CARD, read_card
from streetdeciles.run_log import StageReport
from streetdeciles.stages import TRAINING_STAGE
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.checkpoints import CHECKPOINTS
from streetdeciles.training.history import HistoryRow, TensorBoardLog, history_csv
from streetdeciles.training.inputs import assign_rows, read_rows, read_start_models, scratch_folder
from streetdeciles.training.mlflow_log import tracked_training
from streetdeciles.training.plan import TrainingPlan, plan_training, resolve_precision

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from streetdeciles.models.store import TrainedModel

MODELS = "models"

logger = logging.getLogger(__name__)


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write models/ (one .keras file per model, history.csv, model_card.json) and logs/tensorboard/.

    A training that was killed continues from its last checkpoint.

    Raises:
        RunRefused: no outcome can be learned, features that are not finite, or start models that do not fit.
        RunFailed: too little disk for the cache, or a training that diverges.
    """
    start_keras()
    from streetdeciles.training.rounds import train, training_fingerprint

    settings, work_dir = config.training, config.work_dir
    precision = resolve_precision(settings)
    with scratch_folder(work_dir) as folder, _tensorboard(work_dir) as log:
        starts = read_start_models(settings, work_dir)
        rows = read_rows(work_dir, folder, dtype=settings.cache)
        plan = plan_training(settings, seed=config.seed, n_locations=len(rows), precision=precision)
        assignments, notes = assign_rows(rows, settings, config.dataset, seed=config.seed)
        if not assignments.outcomes:
            raise RunRefused(f"training: nothing can be learned; {'; '.join(notes)}")
        fingerprint = training_fingerprint(assignments, plan, starts)
        with tracked_training(assignments, plan, work_dir=work_dir, fingerprint=fingerprint) as tracked:
            logs = [history_log for history_log in (log, tracked) if history_log is not None]
            models, history = train(assignments, plan, work_dir, logs, starts)
            _save(models, history, rows=rows, plan=plan, dataset=config.dataset, notes=notes, work_dir=work_dir)
            if tracked:
                tracked.result(_mean_results(models), {MODEL_CARD: read_card(storage.join(work_dir, MODELS))})
        storage.remove(storage.join(work_dir, *CHECKPOINTS))
    counts = {
        "locations": len(rows),
        "outcomes": len(rows.outcomes),
        "outcomes skipped": len(rows.outcomes) - len(assignments.outcomes),
        **({"folds": len(assignments.folds)} if len(assignments.all_folds) > 1 else {}),
        "models": len(models),
        "epochs, all models together": len(history),
    }
    return StageReport(TRAINING_STAGE, counts, [*notes, *_results(assignments, models)])


def _save(
    models: list[TrainedModel],
    history: list[HistoryRow],
    *,
    rows: TrainingRows,
    plan: TrainingPlan,
    dataset: DatasetConfig,
    notes: list[str],
    work_dir: str,
) -> None:
    """Write the folder `models`, whole or not at all."""
    from streetdeciles.models.store import save_card, save_models
    from streetdeciles.training.stack import network_shape

    shape = network_shape(rows, plan.settings)
    settings = {"seed": plan.seed, **plan.resolved_settings()}
    split = {key: getattr(dataset, key) for key in ("split", "split_level", *SPLITS[dataset.split])}
    with storage.new_folder(work_dir, MODELS) as uri:
        saved = save_models(models, shape, uri)
        storage.write_text(storage.join(uri, "history.csv"), history_csv(history))
        save_card(uri, saved, shape, settings, notes, training_set=rows.fingerprint, split=split)


def _mean_results(models: list[TrainedModel]) -> dict[str, float]:
    """Mean validation loss and MAE, over all models and over each outcome's models."""
    means: dict[str, float] = {}
    for outcome in dict.fromkeys([None, *(model.outcome for model in models)]):
        chosen = [model for model in models if outcome in (None, model.outcome)]
        for name in ("val_loss", "val_mae"):
            means[f"{outcome}/{name}" if outcome else name] = mean(getattr(model, name) for model in chosen)
    return means


def _results(assignments: Assignments, models: list[TrainedModel]) -> Iterator[str]:
    for outcome in assignments.outcomes:
        by_fold = [model for model in models if model.outcome == outcome]
        epochs = ", ".join(str(model.epoch) for model in by_fold)
        temperatures = ", ".join(f"{model.temperature:.1f}" for model in by_fold)
        val_mae = mean(model.val_mae for model in by_fold)
        yield f"{outcome}: validation MAE {val_mae:.2f} deciles, best epochs {epochs}, temperatures {temperatures}"


@contextmanager
def _tensorboard(work_dir: str) -> Iterator[TensorBoardLog | None]:
    """The log in logs/tensorboard: written there if the work_dir is on a disk, else copied there at the end.

    None if TensorBoard is not installed.
    """
    uri = storage.join(work_dir, "logs", "tensorboard")
    storage.remove(uri)
    if find_spec("tensorboard") is None:
        logger.info(
            "training: TensorBoard is not installed, so there is no logs/tensorboard; models/history.csv has all"
        )
        yield None
        return
    if is_disk(work_dir):
        with closing(TensorBoardLog(Path(storage.local_path(uri)))) as log:
            yield log
        return
    with tempfile.TemporaryDirectory(prefix="streetdeciles-logs-") as folder:
        with closing(TensorBoardLog(Path(folder))) as log:
            yield log
        storage.upload(Path(folder), uri)
