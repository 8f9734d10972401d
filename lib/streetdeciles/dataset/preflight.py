"""Checks of the stage dataset before a run: whether imported features and the table of the user's folds fit."""

from __future__ import annotations

from streetdeciles.config import RunConfig
from streetdeciles.dataset.user_folds import open_fold_table
from streetdeciles.imports.sources import open_source


def preflight(config: RunConfig) -> None:
    """RunRefused where features cannot be imported, or the split `column` has no table with its columns."""
    if config.dataset.feature_import is not None:
        open_source(config.dataset.feature_import)
    if config.dataset.fold_column is not None:
        open_fold_table(config)
