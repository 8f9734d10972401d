"""The split of the config, as a number for each area: the training set's column `fold`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.config import DatasetConfig
from streetdeciles.dataset.folds import assign_folds, assign_parts
from streetdeciles.training_set import LEARNED, THE_ONE_MODEL, VALIDATED

if TYPE_CHECKING:
    import pandas as pd

HELD_OUT = THE_ONE_MODEL

PARTS = {LEARNED: "to learn from", VALIDATED: "to validate on", HELD_OUT: "held out"}


def split_areas(areas: pd.DataFrame, settings: DatasetConfig, *, seed: int) -> pd.DataFrame:
    """The fold of each area: columns `area_id` and `fold`, sorted by `area_id`.

    0 .. folds - 1 with the split `folds`; with the two that have a test part 0 for what is held out, LEARNED, and
    VALIDATED; LEARNED for every area with the others. (What `by_class` holds out depends on the outcome.)

    Args:
        areas: as for `assign_folds`.

    Raises:
        RunRefused: too few areas.
    """
    if settings.folds is not None:
        return assign_folds(areas, settings.folds, seed=seed)
    shares = {VALIDATED: settings.validation_share, HELD_OUT: settings.test_share}
    given = {part: share for part, share in shares.items() if share is not None}
    if given:
        return assign_parts(areas, {LEARNED: 1 - sum(given.values()), **given}, seed=seed)
    return areas[["area_id"]].sort_values("area_id", ignore_index=True).assign(fold=LEARNED)


def describe_split(areas: pd.DataFrame, folds: pd.DataFrame, settings: DatasetConfig) -> str:
    """How many areas and locations are in each part."""
    joined = areas.merge(folds, on="area_id").groupby("fold")["n_locations"].agg(["count", "sum"])
    sizes = {fold: f"{n_areas} and {n}" for fold, n_areas, n in joined.itertuples()}
    if settings.folds is not None:
        return f"areas and locations of the {len(sizes)} folds: {', '.join(sizes.values())}"
    parts = ", ".join(f"{size} {PARTS[fold]}" for fold, size in sizes.items())
    all_of_them = ", ".join(sizes.values())
    told = {
        "by_class": f"{all_of_them}; what is held out depends on the outcome's decile",
        "train_only": f"{all_of_them}; all to learn from, none is held out",
        "test_only": f"{all_of_them}; all to be predicted by the models of another run",
    }
    return f"areas and locations of the split {settings.split}: {told.get(settings.split, parts)}"
