"""The split `folds`: K similar folds of whole areas; each model sees all folds but one."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunRefused
from streetdeciles.splits.areas import largest_first
from streetdeciles.splits.balance import count_classes, spread
from streetdeciles.splits.split import UNSEEN, Needs, ReportWords, assigned, sizes_by_fold

if TYPE_CHECKING:
    import pandas as pd

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Folds:
    """`folds` folds; only those in `trained` have models, or all if that is None."""

    folds: int
    trained: tuple[int, ...] | None = None

    needs = Needs.NOTHING
    skipped_stages = ()
    why_skipped = ""

    @property
    def report_words(self) -> ReportWords:
        locations, which = trained_only(self.trained)
        figure = f"{len(self.trained)} of {self.folds}" if self.trained else f"{self.folds}"
        setting = f"{self.folds} folds; all locations of an area are in one{which}"
        return ReportWords(*UNSEEN, locations, setting, (figure, "folds of whole areas"))

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        return assign_folds(units, self.folds, seed=seed)

    def held_out(self, outcome: str) -> str:
        return f"fold IN ({', '.join(map(str, self.trained))})" if self.trained else "fold >= 0"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        sizes = sizes_by_fold(units, folds)
        return f"areas and locations of the {len(sizes)} folds: {', '.join(sizes.values())}"


def trained_only(folds: tuple[int, ...] | None) -> tuple[str, str]:
    """For the report, which locations are predicted, and a remark on a setting, if only some `folds` are trained."""
    if not folds:
        return "Every location", ""
    numbers = ", ".join(map(str, sorted(folds)))
    return f"Every location of fold {numbers}, and no other,", f"; trained and predicted: fold {numbers}"


def assign_folds(units: pd.DataFrame, folds: int, *, seed: int) -> pd.DataFrame:
    """The fold of each unit, 0..folds-1; columns as from `split.assigned`.

    Units of several classes, such as districts, are spread by `balance.spread`. If each has one class, as areas have,
    each class is divided into shares: its areas, the largest first, each go to the share with the fewest locations. The
    largest share of the class then goes to the fold with the fewest locations so far, and so on. So two folds differ
    by at most the locations of one area, both in each class and in total, and no fold is empty. Apart from sorting, the
    time is linear in the number of areas.

    Args:
        units: as for `Split.assign`.
        folds: the number of folds, at least 2.
        seed: decides which areas of equal size go together; the same seed gives the same folds.

    Raises:
        RunRefused: fewer units than folds.
    """
    import pandas as pd

    refuse_too_few(units["unit"].nunique(), folds)
    random = np.random.default_rng(seed)
    if not units["unit"].is_unique:
        ids, counts = count_classes(units)
        return assigned(ids, spread(counts, [1 / folds] * folds, random))
    drawn = largest_first(units, random)
    filled = np.zeros(folds, dtype=np.int64)
    fold = pd.Series(0, index=drawn.index)
    for _, of_class in drawn.groupby("stratum", dropna=False, sort=True):
        share, loads = _spread(of_class["n_locations"].tolist(), folds)
        shuffled = random.permutation(folds)
        emptiest_first = shuffled[np.argsort(filled[shuffled], kind="stable")]
        fold_of_share = np.empty(folds, dtype=np.int32)
        fold_of_share[np.argsort(-loads, kind="stable")] = emptiest_first
        filled[fold_of_share] += loads
        fold[of_class.index] = fold_of_share[share]
    return assigned(drawn["unit"].to_numpy(), fold.to_numpy())


def refuse_too_few(n_units: int, folds: int) -> None:
    """RunRefused if a fold would be empty."""
    if n_units < folds:
        raise RunRefused(
            f"dataset.folds: {folds} folds need at least {folds} areas with photographs, there are {n_units}; "
            "use fewer folds or more locations"
        )


def _spread(sizes: Sequence[int], shares: int) -> tuple[Whole, Whole]:
    """The share of each item, and the sizes of the shares; each item in turn goes to the smallest share so far."""
    heap = [(0, share) for share in range(shares)]
    share_of_item = np.empty(len(sizes), dtype=np.int64)
    for i, size in enumerate(sizes):
        load, share = heap[0]
        share_of_item[i] = share
        heapq.heapreplace(heap, (load + size, share))
    loads = np.zeros(shares, dtype=np.int64)
    for load, share in heap:
        loads[share] = load
    return share_of_item, loads
