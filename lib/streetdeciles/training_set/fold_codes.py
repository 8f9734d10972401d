"""Numbers in the column `fold` with a special meaning."""

from __future__ import annotations

LEARNED, VALIDATED = -1, -2
"""The location is in no fold: all models learn from it, or it validates all models."""

THE_ONE_MODEL = 0
"""Without folds, the number of an outcome's only model, and the fold of the locations held out from it."""
