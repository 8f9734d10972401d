"""A training as an MLflow run: settings, the history of each model, the model card. MLflow is optional.

MLflow decides where to log: by its environment variables (MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME), or by what
Databricks has set.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from streetdeciles import __version__
from streetdeciles.errors import RunRefused, reason
from streetdeciles.shown import shown
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.history import COLUMNS, HistoryRow
from streetdeciles.training.plan import TrainingPlan

MEASURED = COLUMNS[COLUMNS.index("epoch") + 1 :]
METRICS_PER_CALL = 1000
"""MLflow accepts no more in one call."""
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""Used unless they are set: with MLflow's defaults a training would wait for many minutes."""

logger = logging.getLogger(__name__)


def refuse_without_mlflow() -> None:
    """RunRefused if MLflow is not installed."""
    if not find_spec("mlflow"):
        raise RunRefused("training.mlflow: MLflow is not installed: pip install 'streetdeciles[mlflow]'")


@contextmanager
def tracked_training(
    assignments: Assignments, plan: TrainingPlan, *, work_dir: str, fingerprint: str
) -> Iterator[MlflowLog | None]:
    """The training as an MLflow run; None if the settings do not ask for it."""
    if not plan.settings.mlflow:
        yield None
        return
    import keras

    params = {
        "seed": plan.seed,
        "outcomes": ", ".join(assignments.outcomes),
        "folds": len(assignments.folds),
        "locations": len(assignments.rows),
        **plan.resolved_settings(),
    }
    tags = {
        "streetdeciles.training": fingerprint,
        "streetdeciles.training_set": assignments.rows.fingerprint,
        "streetdeciles.work_dir": shown(work_dir),
        "streetdeciles.version": __version__,
        "keras.version": keras.__version__,
        "keras.backend": keras.backend.backend(),
    }
    with mlflow_run("streetdeciles training", params=params, tags=tags) as log:
        yield log


@contextmanager
def mlflow_run(name: str, *, params: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[MlflowLog]:
    """A new run, below the active one if there is one; it ends as finished, failed or killed, like the block.

    Raises:
        RunRefused: MLflow is not installed.
    """
    refuse_without_mlflow()
    unset = {key: value for key, value in PATIENCE.items() if key not in os.environ}
    os.environ.update(unset)
    log = MlflowLog(name, params, tags)
    status = "FAILED"
    try:
        yield log
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        log.end(status)
        for key in unset:
            del os.environ[key]


class MlflowLog:
    """An MLflow run. After the first call that fails it logs nothing more, and one warning says so."""

    def __init__(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        self._run_id: str | None = None
        self._lost = False
        self._try(lambda: self._start(name, params, tags))

    def add(self, epoch: list[HistoryRow]) -> None:
        """Log one epoch of some models, as `<outcome>/<fold>/<measure>`."""
        values = {f"{row.outcome}/{row.fold}/{name}": getattr(row, name) for row in epoch for name in MEASURED}
        self._try(lambda: self._log(values, step=epoch[0].epoch))

    def result(self, metrics: Mapping[str, float], files: Mapping[str, Any]) -> None:
        """Log the results: metrics of the whole training, and JSON files by name."""

        def log() -> None:
            self._log(metrics, step=0)
            for name, content in files.items():
                _client().log_dict(self._run_id, content, name)

        self._try(log)

    def end(self, status: str) -> None:
        """End the run with one of MLflow's statuses."""
        import mlflow

        if self._run_id is not None:
            self._try(lambda: mlflow.end_run(status), also_when_lost=True)

    def _start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        import mlflow

        run = mlflow.start_run(run_name=name, nested=mlflow.active_run() is not None, tags=dict(tags))
        self._run_id = run.info.run_id
        mlflow.log_params(dict(params))

    def _log(self, metrics: Mapping[str, float], *, step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        values = [Metric(key, value, now, step) for key, value in metrics.items()]
        for first in range(0, len(values), METRICS_PER_CALL):
            _client().log_batch(self._run_id, metrics=values[first : first + METRICS_PER_CALL])

    def _try(self, log: Callable[[], None], *, also_when_lost: bool = False) -> None:
        if self._lost and not also_when_lost:
            return
        try:
            log()
        except Exception as error:  # MLflow, its stores and the connection must not stop the training
            if not self._lost:
                logger.warning(
                    "training: MLflow cannot be used any more (%s); the training continues, and its history will be in "
                    "models/history.csv",
                    reason(error, 200),
                )
            self._lost = True


def _client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient()
