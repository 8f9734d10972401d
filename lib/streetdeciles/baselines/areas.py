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
    in_fold: [areas, folds], whether an area has a location in the fold.
    deciles: [areas] of each outcome; NaN where the decile is not known.
    points: [areas, 2], latitude and longitude of the centre in degrees; NaN where it is not known.
    """

    keys: pd.DataFrame
    folds: tuple[int, ...]
    in_fold: Flags
    deciles: dict[str, Floats]
    points: Floats

    @staticmethod
    def of(rows: pd.DataFrame, outcomes: Sequence[str], centres: pd.DataFrame) -> Areas:
        """From one row per area and fold: `region`, `area_id`, `fold`, and a decile for each outcome.

        `centres` has `region`, `area_id`, `latitude` and `longitude`, one row per area.
        """
        keys = rows[["region", "area_id"]].drop_duplicates().sort_values(["region", "area_id"], ignore_index=True)
        number = keys.reset_index(names="number")
        numbered = rows.merge(number, on=["region", "area_id"], how="left")
        fold_of_row, folds = numbered["fold"].factorize(sort=True)
        in_fold = np.zeros((len(keys), len(folds)), bool)
        in_fold[numbered["number"], fold_of_row] = True
        first = numbered.drop_duplicates("number").sort_values("number")
        deciles = {name: first[name].to_numpy(np.float64, na_value=np.nan) for name in outcomes}
        points = number.merge(centres, on=["region", "area_id"], how="left").sort_values("number")
        coordinates = points[["latitude", "longitude"]].to_numpy(np.float64, na_value=np.nan)
        return Areas(keys, tuple(int(fold) for fold in folds), in_fold, deciles, coordinates)

    def parts(self, outcome: str, held_out_deciles: Sequence[int] | None = None) -> Iterator[Part]:
        """One part per fold, with the areas whose decile of `outcome` is known to learn from.

        An area with locations in several folds is held out from the models of each of them, so no model of a part has
        seen any location of a held-out area. With `held_out_deciles` (the split `by_class`) there is one part.
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
                held_out = self.in_fold[:, column]
                yield Part(known & ~held_out & ~validates, held_out)


def as_deciles(values: Floats) -> Floats:
    """`values` rounded half to even, within 1 to 10.

    A millionth is rounded away first, so that sums in another order give the same decile.
    """
    return np.clip(np.rint(np.round(values, 6)), 1, 10)
