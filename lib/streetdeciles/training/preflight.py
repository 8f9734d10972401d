"""A check of the stage training before a run: whether MLflow is installed, if the training is to be logged there."""

from __future__ import annotations

from streetdeciles.config import RunConfig
from streetdeciles.training.mlflow_log import refuse_without_mlflow


def preflight(config: RunConfig) -> None:
    """RunRefused if `training.mlflow` is set and MLflow is not installed."""
    if config.training.mlflow:
        refuse_without_mlflow()
