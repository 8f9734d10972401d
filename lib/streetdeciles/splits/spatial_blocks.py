"""The split `spatial_blocks`: folds of contiguous blocks, so that few held-out areas have neighbours in training.

There are several blocks per fold, not one: with one, a fold would be a whole side of the city, with other deciles than
the rest; several blocks can be combined to folds of about the same deciles. More blocks make folds more alike, and
edges longer, so there are more only as long as each is many areas wide. What leaks at edges, `buffer_m` removes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunRefused
from streetdeciles.geography.centres import centre_coordinates, to_metres
from streetdeciles.splits.balance import Whole, count_classes, spread
from streetdeciles.splits.bisection import bisect, turned
from streetdeciles.splits.folds import refuse_too_few, trained_only
from streetdeciles.splits.split import UNSEEN, Needs, ReportWords, assigned, sizes_by_fold

if TYPE_CHECKING:
    import pandas as pd

MIN_BLOCKS_PER_FOLD, MAX_BLOCKS_PER_FOLD = 4, 12
AREAS_PER_BLOCK = 100
"""There are more blocks than the minimum if each has at least this many areas: some ten from edge to edge."""


@dataclass(frozen=True)
class SpatialBlocks:
    """`folds` folds of blocks; units nearer than `buffer_m` to a fold's blocks are left out of its training."""

    folds: int
    buffer_m: float = 0.0
    trained: tuple[int, ...] | None = None

    needs = Needs.SHAPES
    skipped_stages = ()
    why_skipped = ""

    @property
    def report_words(self) -> ReportWords:
        buffer = f", {self.buffer_m:g} m apart from what its models learn from" if self.buffer_m else ""
        locations, which = trained_only(self.trained)
        return ReportWords(
            *UNSEEN,
            locations,
            f"{self.folds} folds of contiguous blocks of areas; each fold is held out{buffer}{which}",
            (f"{self.folds}", "folds of contiguous blocks"),
        )

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        return assign_blocks(units, self.folds, buffer_m=self.buffer_m, seed=seed)

    def held_out(self, outcome: str) -> str:
        return f"fold IN ({', '.join(map(str, self.trained))})" if self.trained else "fold >= 0"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        sizes = sizes_by_fold(units, folds)
        blocks = folds.groupby("fold")["block"].nunique()
        text = (
            f"spatial_blocks: {folds['block'].nunique()} contiguous blocks in {len(sizes)} folds "
            f"({', '.join(map(str, blocks))}); areas and locations of the folds: {', '.join(sizes.values())}"
        )
        if not self.buffer_m:
            return f"{text}; no buffer (dataset.buffer_m: 0), so areas beside a held-out block are learned from"
        left_out = [sum(fold in folds_near for folds_near in folds["buffer_of"]) for fold in sizes]
        return (
            f"{text}; buffer of {self.buffer_m:g} m: left out of training {', '.join(map(str, left_out))} areas, which "
            "are nearer to the fold"
        )


def assign_blocks(units: pd.DataFrame, folds: int, *, buffer_m: float, seed: int) -> pd.DataFrame:
    """The fold and block of each unit, and the folds in whose buffer it is; columns as from `split.assigned`.

    The units of each region are divided into blocks by straight cuts; the seed turns the map first, so that other
    seeds cut elsewhere. Then `spread` gives the blocks to folds.

    Args:
        units: as for `Split.assign`, with `shape` and `region`.
        folds: the number of folds, at least 2.
        buffer_m: a unit is in the buffer of another fold if its shape is nearer than this to one of the fold's units.
        seed: the same seed gives the same folds, whatever the order of rows.

    Raises:
        RunRefused: a unit without a shape, fewer units than folds, or a buffer that leaves nothing to learn from.
    """
    ids, counts = count_classes(units)
    about = units.drop_duplicates("unit").sort_values("unit")
    refuse_too_few(len(ids), folds)
    _refuse_without_shapes(about)
    plane = to_metres(about["shape"].to_list())
    random = np.random.default_rng(seed)
    centres = turned(centre_coordinates(plane), random.uniform(0, np.pi))
    block = _blocks_by_region(centres, counts.sum(axis=1), about["region"].to_numpy(), folds)
    of_block = np.zeros((block.max() + 1, counts.shape[1]), np.int64)
    np.add.at(of_block, block, counts)
    fold = spread(of_block, [1 / folds] * folds, random)[block]
    buffer_of = _buffers(plane, fold, buffer_m)
    _refuse_wide_buffer(fold, buffer_of, buffer_m)
    return assigned(ids, fold, block, buffer_of)


def _blocks_by_region(centres: Whole, sizes: Whole, regions: npt.NDArray[np.object_], folds: int) -> Whole:
    """The block of each unit; no block is in two regions, and each region has blocks in proportion to its locations."""
    names, region = np.unique(regions.astype(str), return_inverse=True)
    n_units = np.bincount(region)
    per_fold = int(np.clip(len(centres) // (folds * AREAS_PER_BLOCK), MIN_BLOCKS_PER_FOLD, MAX_BLOCKS_PER_FOLD))
    locations = np.bincount(region, weights=sizes)
    n_blocks = np.maximum(1, np.rint(per_fold * folds * locations / locations.sum())).astype(np.int64)
    n_blocks = np.minimum(n_blocks, n_units)
    while n_blocks.sum() < folds:  # the largest region that has units left is cut once more
        n_blocks[np.argmax(np.where(n_blocks < n_units, locations / n_blocks, -1))] += 1
    block = np.zeros(len(centres), np.int64)
    first = 0
    for number in range(len(names)):
        inside = np.flatnonzero(region == number)
        block[inside] = first + bisect(centres[inside], sizes[inside], int(n_blocks[number]))
        first += int(n_blocks[number])
    return block


def _buffers(plane: npt.NDArray[np.object_], fold: Whole, buffer_m: float) -> list[list[int]]:
    """For each unit the other folds of which a unit is nearer than `buffer_m`; distances are between shapes."""
    import shapely

    near: list[set[int]] = [set() for _ in fold]
    if buffer_m:
        bounds = shapely.bounds(plane) + np.array([-buffer_m, -buffer_m, buffer_m, buffer_m])
        unit, other = shapely.STRtree(plane).query(shapely.box(*bounds.T))
        # Distances of polygons are costly, and few pairs are in different folds.
        apart = fold[unit] != fold[other]
        unit, other = unit[apart], other[apart]
        is_near = shapely.distance(plane[unit], plane[other]) < buffer_m
        for i, j in zip(unit[is_near].tolist(), fold[other[is_near]].tolist(), strict=True):
            near[i].add(j)
    return [sorted(folds) for folds in near]


def _refuse_without_shapes(about: pd.DataFrame) -> None:
    missing = about.loc[about["shape"].isna(), "unit"]
    if len(missing):
        raise RunRefused(
            f"dataset.split spatial_blocks: {len(missing)} of {len(about)} areas, e.g. {missing.iloc[0]}, have neither "
            "a polygon in labels.boundaries nor locations with latitude and longitude; add one of them, or use the "
            "split folds"
        )


def _refuse_wide_buffer(fold: Whole, buffer_of: list[list[Any]], buffer_m: float) -> None:
    for number in np.unique(fold).tolist():
        outside = [i for i in np.flatnonzero(fold != number) if number not in buffer_of[i]]
        if not outside:
            raise RunRefused(
                f"dataset.buffer_m: {buffer_m:g} m around fold {number} leave nothing to learn from; use a smaller one"
            )
