"""The areas that baselines learn from and predict, and which of them a model has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.training_set.fold_codes import VALIDATED

if TYPE_CHECKING:
    import pandas as pd

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Areas that models have learned from, and areas held out from these models; flags for each area."""

    learned: Flags
    held_out: Flags


@dataclass(frozen=True)
class Areas:
    """The areas of the training set, in the order of `keys`.

    keys: pandas frame with `region` and `area_id`.
    folds: the values of the column fold that occur, ascending.
    unseen: [areas, folds], whether models of the fold do not learn from the area: it has a location in the fold, or is
        in its buffer.
    in_fold: [areas, folds], whether an area has a location in the fold.
    deciles: [areas] of each outcome; NaN where the decile is not known.
    points: [areas, 2], the centre in metres; NaN where it is not known.
    """

    keys: pd.DataFrame
    folds: tuple[int, ...]
    in_fold: Flags
    unseen: Flags
    deciles: dict[str, Floats]
    points: Floats

    @staticmethod
    def of(rows: pd.DataFrame, outcomes: Sequence[str], centres: pd.DataFrame) -> Areas:
        """From one row per area and fold: `region`, `area_id`, `fold`, `buffer_of`, and a decile for each outcome.

        `buffer_of` is text, the folds with blanks between them. `centres` has `area_id`, `x` and `y` in metres.
        """
        keys = rows[["region", "area_id"]].drop_duplicates().sort_values(["region", "area_id"], ignore_index=True)
        numbered = rows.merge(keys.reset_index(names="number"), on=["region", "area_id"], how="left")
        folds, fold_of_row = np.unique(numbered["fold"], return_inverse=True)
        in_fold = np.zeros((len(keys), len(folds)), bool)
        in_fold[numbered["number"], fold_of_row] = True
        buffers = numbered["buffer_of"].str.split().explode().dropna().astype(int)
        buffers = buffers[buffers.isin(folds)]
        unseen = in_fold.copy()
        unseen[numbered["number"][buffers.index], np.searchsorted(folds, buffers)] = True
        first = numbered.drop_duplicates("number").sort_values("number")
        deciles = {name: first[name].to_numpy(np.float64, na_value=np.nan) for name in outcomes}
        points = centres.set_index("area_id").reindex(keys["area_id"])[["x", "y"]].to_numpy(np.float64, na_value=np.nan)
        return Areas(keys, tuple(int(fold) for fold in folds), in_fold, unseen, deciles, points)

    def parts(self, outcome: str, held_out_deciles: Sequence[int] | None = None) -> Iterator[Part]:
        """One part per fold, with the areas whose decile of `outcome` is known to learn from.

        An area with locations in several folds is held out from the models of each of them, so no model of a part has
        seen any location of a held-out area; an area in the buffer of a fold is not learned from. With
        `held_out_deciles` (the split `by_class`) there is one part.
        """
        deciles = self.deciles[outcome]
        known = np.isfinite(deciles)
        if held_out_deciles:
            held_out = np.isin(deciles, held_out_deciles)
            yield Part(known & ~held_out, held_out)
            return
        validates = self.in_fold[:, [fold == VALIDATED for fold in self.folds]].any(axis=1)
        for column, fold in enumerate(self.folds):
            if fold >= 0:
                yield Part(known & ~self.unseen[:, column] & ~validates, self.in_fold[:, column])


def as_deciles(values: Floats) -> Floats:
    """`values` rounded half to even, within 1 to 10.

    A millionth is rounded away first, so that sums in another order give the same decile.
    """
    return np.clip(np.rint(np.round(values, 6)), 1, 10)
