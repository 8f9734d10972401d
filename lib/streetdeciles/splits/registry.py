"""The splits by their names in the config."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streetdeciles.config import DatasetConfig
from streetdeciles.splits.by_class import ByClass
from streetdeciles.splits.column import Column
from streetdeciles.splits.folds import Folds
from streetdeciles.splits.shares import Shares
from streetdeciles.splits.spatial_blocks import SpatialBlocks
from streetdeciles.splits.split import Split
from streetdeciles.splits.test_only import TestOnly
from streetdeciles.splits.train_only import TrainOnly


def split_of(dataset: DatasetConfig, trained_folds: Sequence[int] | None = None) -> Split:
    """The split of the config; `trained_folds` is `training.folds`, None for all folds."""
    return SPLITS_BY_NAME[dataset.split](dataset, tuple(trained_folds) if trained_folds else None)


def _shares(dataset: DatasetConfig, trained: tuple[int, ...] | None) -> Split:
    assert dataset.test_share is not None
    return Shares(dataset.split, dataset.test_share, dataset.validation_share)


SPLITS_BY_NAME: dict[str, Callable[[DatasetConfig, tuple[int, ...] | None], Split]] = {
    "folds": lambda dataset, trained: Folds(dataset.folds or 0, trained),
    "spatial_blocks": lambda dataset, trained: SpatialBlocks(dataset.folds or 0, dataset.buffer_m or 0.0, trained),
    "column": lambda dataset, trained: Column(dataset.fold_column or ""),
    "train_test": _shares,
    "train_validation_test": _shares,
    "by_class": lambda dataset, trained: ByClass(tuple(dataset.held_out_deciles or ())),
    "train_only": lambda dataset, trained: TrainOnly(),
    "test_only": lambda dataset, trained: TestOnly(),
}
