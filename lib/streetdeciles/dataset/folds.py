"""K folds of whole areas, alike in locations and in classes; or parts of given shares."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import pandas as pd

Whole = npt.NDArray[np.int64]


def assign_folds(areas: pd.DataFrame, folds: int, *, seed: int) -> pd.DataFrame:
    """The fold of each area: columns `area_id` and `fold` (0..folds-1), sorted by `area_id`.

    Within a class the areas go, the largest first, each to the fold that has the fewest locations of the class. Then
    the class's shares are given to the folds the other way round than these are filled. So neither a class nor the
    whole differs between two folds by more locations than one area has, and no fold is empty. Time is linear in
    areas but for the sorting.

    Args:
        areas: one row an area, in any order: `area_id` str, `stratum` (the class that is to be spread evenly; null is
            a class of its own), `n_locations` int >= 1.
        folds: how many, at least 2.
        seed: which areas of equal size go together; the same seed gives the same folds.

    Raises:
        RunRefused: fewer areas than folds.
    """
    import pandas as pd

    if len(areas) < folds:
        raise RunRefused(
            f"dataset.folds: {folds} folds need at least {folds} areas with photographs, there are {len(areas)}; "
            "take fewer folds or more locations"
        )
    random = np.random.default_rng(seed)
    drawn = _draw(areas, random)
    filled = np.zeros(folds, dtype=np.int64)
    parts = []
    for _, of_class in drawn.groupby("stratum", dropna=False, sort=True):
        share, loads = _spread(of_class["n_locations"].tolist(), folds)
        by_lot = random.permutation(folds)
        emptiest_first = by_lot[np.argsort(filled[by_lot], kind="stable")]
        fold_of_share = np.empty(folds, dtype=np.int32)
        fold_of_share[np.argsort(-loads, kind="stable")] = emptiest_first
        filled[fold_of_share] += loads
        parts.append(pd.DataFrame({"area_id": of_class["area_id"], "fold": fold_of_share[share]}))
    return pd.concat(parts).sort_values("area_id", ignore_index=True)


def assign_parts(areas: pd.DataFrame, shares: Mapping[int, float], *, seed: int) -> pd.DataFrame:
    """The part of each area: columns `area_id` and `fold` (a key of `shares`), sorted by `area_id`.

    Class by class the areas go, the largest first, each to the part that is the furthest below its share of all
    classes so far. With two parts, each has its share of the locations to within one area of the largest size, and its
    share of every class to within two; with three parts to within two and three.

    Args:
        areas: as for `assign_folds`.
        shares: of each part; they add up to 1.
        seed: which areas of equal size go together.

    Raises:
        RunRefused: a part has no area.
    """
    parts, share = list(shares), np.array(list(shares.values()))
    drawn = _draw(areas, np.random.default_rng(seed)).sort_values("stratum", kind="stable", na_position="last")
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
    if empty := [shares[part] for part in parts if part not in chosen]:
        raise RunRefused(
            f"dataset: a share of {empty[0]:.3g} of {len(areas)} areas with photographs is none; "
            "take a larger share or more locations"
        )
    return drawn[["area_id"]].assign(fold=chosen).sort_values("area_id", ignore_index=True)


def _draw(areas: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """`areas`, the largest first. The order of rows must not count, so it is made here: by name, by lot, by size."""
    drawn = areas.sort_values("area_id", ignore_index=True)
    return drawn.iloc[random.permutation(len(drawn))].sort_values("n_locations", ascending=False, kind="stable")


def _spread(sizes: Sequence[int], shares: int) -> tuple[Whole, Whole]:
    """The share of each item, taken in the given order into the smallest share so far, and the sizes of the shares."""
    heap = [(0, share) for share in range(shares)]
    taken = np.empty(len(sizes), dtype=np.int64)
    for i, size in enumerate(sizes):
        load, share = heap[0]
        taken[i] = share
        heapq.heapreplace(heap, (load + size, share))
    loads = np.zeros(shares, dtype=np.int64)
    for load, share in heap:
        loads[share] = load
    return taken, loads
