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
from streetdeciles.splits.split import UNSEEN, ReportWords, sizes_by_fold

if TYPE_CHECKING:
    import pandas as pd

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Folds:
    """`folds` folds; only those in `trained` have models, or all if that is None."""

    folds: int
    trained: tuple[int, ...] | None = None

    skipped_stages = ()
    why_skipped = ""

    @property
    def report_words(self) -> ReportWords:
        locations, figure = "Every location", (f"{self.folds}", "folds of whole areas")
        setting = f"{self.folds} folds; all locations of an area are in one"
        if self.trained:
            numbers = ", ".join(map(str, sorted(self.trained)))
            locations = f"Every location of fold {numbers}, and no other,"
            figure = f"{len(self.trained)} of {self.folds}", "folds of whole areas"
            setting += f"; trained and predicted: fold {numbers}"
        return ReportWords(*UNSEEN, locations, setting, figure)

    def assign(self, areas: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        return assign_folds(areas, self.folds, seed=seed)

    def held_out(self, outcome: str) -> str:
        return f"fold IN ({', '.join(map(str, self.trained))})" if self.trained else "fold >= 0"

    def describe(self, areas: pd.DataFrame, folds: pd.DataFrame) -> str:
        sizes = sizes_by_fold(areas, folds)
        return f"areas and locations of the {len(sizes)} folds: {', '.join(sizes.values())}"


def assign_folds(areas: pd.DataFrame, folds: int, *, seed: int) -> pd.DataFrame:
    """The fold of each area: columns `area_id` and `fold` (0..folds-1), sorted by `area_id`.

    Each class is divided into shares: its areas, the largest first, each go to the share with the fewest locations. The
    largest share of the class then goes to the fold with the fewest locations so far, and so on. So two folds differ
    by at most the locations of one area, both in each class and in total, and no fold is empty. Apart from sorting, the
    time is linear in the number of areas.

    Args:
        areas: one row per area, in any order: `area_id` str, `stratum` (the class to be spread evenly; null is a
            class of its own), `n_locations` int >= 1.
        folds: the number of folds, at least 2.
        seed: decides which areas of equal size go together; the same seed gives the same folds.

    Raises:
        RunRefused: fewer areas than folds.
    """
    import pandas as pd

    if len(areas) < folds:
        raise RunRefused(
            f"dataset.folds: {folds} folds need at least {folds} areas with photographs, there are {len(areas)}; "
            "use fewer folds or more locations"
        )
    random = np.random.default_rng(seed)
    drawn = largest_first(areas, random)
    filled = np.zeros(folds, dtype=np.int64)
    parts = []
    for _, of_class in drawn.groupby("stratum", dropna=False, sort=True):
        share, loads = _spread(of_class["n_locations"].tolist(), folds)
        shuffled = random.permutation(folds)
        emptiest_first = shuffled[np.argsort(filled[shuffled], kind="stable")]
        fold_of_share = np.empty(folds, dtype=np.int32)
        fold_of_share[np.argsort(-loads, kind="stable")] = emptiest_first
        filled[fold_of_share] += loads
        parts.append(pd.DataFrame({"area_id": of_class["area_id"], "fold": fold_of_share[share]}))
    return pd.concat(parts).sort_values("area_id", ignore_index=True)


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
