"""The splits `train_test` and `train_validation_test`: parts of whole areas with fixed shares of the locations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunRefused
from streetdeciles.splits.areas import largest_first
from streetdeciles.splits.balance import count_classes, spread
from streetdeciles.splits.split import UNSEEN, Needs, ReportWords, assigned, sizes_by_fold
from streetdeciles.training_set.fold_codes import LEARNED, THE_ONE_MODEL, VALIDATED

if TYPE_CHECKING:
    import pandas as pd

HELD_OUT = THE_ONE_MODEL

PARTS = {LEARNED: "to learn from", VALIDATED: "to validate on", HELD_OUT: "held out"}


@dataclass(frozen=True)
class Shares:
    """The splits `train_test` and, with a `validation_share`, `train_validation_test`."""

    name: str
    test_share: float
    validation_share: float | None = None

    needs = Needs.NOTHING
    skipped_stages = ()
    why_skipped = ""

    @property
    def report_words(self) -> ReportWords:
        share = f"{100 * self.test_share:g} %"
        validation = f", {100 * self.validation_share:g} % to validate on" if self.validation_share else ""
        return ReportWords(
            *UNSEEN,
            "Every location of the part that is held out, and no other,",
            f"{share} of the locations held out{validation}; all locations of an area are in one part",
            (share, "of the locations held out, in whole areas"),
        )

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        shares = {HELD_OUT: self.test_share}
        if self.validation_share is not None:
            shares = {VALIDATED: self.validation_share, **shares}
        return assign_parts(units, {LEARNED: 1 - sum(shares.values()), **shares}, seed=seed)

    def held_out(self, outcome: str) -> str:
        return "fold >= 0"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        parts = ", ".join(f"{size} {PARTS[fold]}" for fold, size in sizes_by_fold(units, folds).items())
        return f"areas and locations of the split {self.name}: {parts}"


def assign_parts(units: pd.DataFrame, shares: Mapping[int, float], *, seed: int) -> pd.DataFrame:
    """The part of each unit, a key of `shares`; columns as from `split.assigned`.

    Units of several classes, such as districts, are spread by `balance.spread`. If each has one class, as areas have,
    then class by class, the areas, the largest first, each go to the part that is furthest below its share of all
    classes so far. With two parts, each has its share of all locations to within the size of the largest area, and its
    share of every class to within twice that size; with three parts to within two and three times that size.

    Args:
        units: as for `Split.assign`.
        shares: the share of each part; they add up to 1.
        seed: decides which areas of equal size go together.

    Raises:
        RunRefused: a part has no area.
    """
    parts, share = list(shares), np.array(list(shares.values()))
    random = np.random.default_rng(seed)
    if not units["unit"].is_unique:
        ids, counts = count_classes(units)
        fold = np.array(parts)[spread(counts, share.tolist(), random)]
        _refuse_empty(shares, fold)
        return assigned(ids, fold)
    drawn = largest_first(units, random).sort_values("stratum", kind="stable", na_position="last")
    missing = np.zeros(len(parts))
    chosen = np.empty(len(drawn), dtype=np.int32)
    classes = drawn["stratum"].factorize(use_na_sentinel=False)[0]
    sizes = drawn["n_locations"].to_numpy()
    for i, size in enumerate(sizes.tolist()):
        if i == 0 or classes[i] != classes[i - 1]:
            missing += share * sizes[classes == classes[i]].sum()
        part = int(np.argmax(missing))
        missing[part] -= size
        chosen[i] = parts[part]
    _refuse_empty(shares, chosen)
    return assigned(drawn["unit"].to_numpy(), chosen)


def _refuse_empty(shares: Mapping[int, float], fold: npt.NDArray[np.int32]) -> None:
    if empty := [share for part, share in shares.items() if part not in fold]:
        raise RunRefused(
            f"dataset: a share of {empty[0]:.3g} of {len(fold)} areas with photographs leaves no area; "
            "use a larger share or more locations"
        )
