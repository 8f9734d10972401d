"""What the stage dataset can see before a run: whether the table of the user's folds has its columns."""

from __future__ import annotations

from streetdeciles.config import RunConfig
from streetdeciles.dataset.user_folds import open_fold_table


def preflight(config: RunConfig) -> None:
    """RunRefused where the split `column` has no table with its columns."""
    if config.dataset.fold_column is not None:
        open_fold_table(config)
