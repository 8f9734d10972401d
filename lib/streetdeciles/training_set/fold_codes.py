"""The numbers in the column `fold` that are not the number of a fold."""

from __future__ import annotations

LEARNED, VALIDATED = -1, -2
"""The location is in no fold: models learn from it, or every model is validated on it."""

THE_ONE_MODEL = 0
"""The number of an outcome's only model, where there are no folds; also the fold of what is held out from it."""
