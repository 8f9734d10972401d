"""A check of the stage evaluation before a run, without Spark: the user's covariates."""

from __future__ import annotations

from streetdeciles.config import RunConfig
from streetdeciles.evaluation.covariates import read_covariates


def preflight(config: RunConfig) -> None:
    """RunRefused where the file of covariates is not a table of numbers by area."""
    if config.evaluation.covariates is not None:
        read_covariates(config.evaluation.covariates)
