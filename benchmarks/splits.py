"""Splits on as many areas as a country has: seconds of the slowest one, and balance beside scikit-learn.

    .venv/bin/python benchmarks/splits.py                                                 # the small size
    .venv/bin/python benchmarks/splits.py --areas 33755 --locations 1500000 --runs 3      # England

Areas lie on an invented map: towns with many small areas, and countryside between; deciles change slowly across it.
`splits_goal` is areas per second of the slowest split beside the goal; `splits_balance` is how evenly folds have their
shares of locations and deciles, beside StratifiedGroupKFold on the same rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import shapely
from sklearn.model_selection import StratifiedGroupKFold

from measure import Comparison, record
from streetdeciles.splits.column import Column
from streetdeciles.splits.folds import Folds, assign_folds
from streetdeciles.splits.shares import Shares
from streetdeciles.splits.spatial_blocks import SpatialBlocks
from streetdeciles.splits.split import Split

ENGLAND, ENGLAND_SECONDS = 33_755, 20
FOLDS = 5
BUFFER_M = 500
AREA_DEGREES = 0.008


def invented_areas(n: int, n_locations: int, seed: int = 0) -> pd.DataFrame:
    """`n` square areas around 100 towns, with some `n_locations` locations in all, and what every split needs."""
    random = np.random.default_rng(seed)
    town = random.integers(0, 100, n)
    middles = random.uniform((-5, 50), (1, 55), (100, 2))
    positions = middles[town] + random.normal(scale=0.12, size=(n, 2))
    slow = np.sin(3 * positions[:, 0]) + np.cos(5 * positions[:, 1]) + random.normal(scale=0.5, size=n)
    decile = pd.Series(slow).rank(method="first").floordiv(n / 10).clip(upper=9).astype(int) + 1
    sizes = 1 + random.poisson(n_locations / n - 1, n)
    corners = np.hstack([positions, positions + AREA_DEGREES])
    return pd.DataFrame(
        {
            "unit": np.char.mod("E%08d", np.arange(n)).astype(object),
            "stratum": "england " + decile.astype(str),
            "n_locations": sizes,
            "region": "england",
            "user_fold": (town % FOLDS).astype(str),
            "shape": shapely.box(*corners.T),
        }
    )


def splits() -> dict[str, Split]:
    return {
        "folds": Folds(FOLDS),
        "train_validation_test": Shares("train_validation_test", 0.2, 0.15),
        "column": Column("user_fold"),
        "spatial_blocks": SpatialBlocks(FOLDS),
        f"spatial_blocks, buffer {BUFFER_M} m": SpatialBlocks(FOLDS, BUFFER_M),
    }


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def imbalance(areas: pd.DataFrame, fold: np.ndarray) -> float:
    """The largest deviation of a fold from its share of the locations of a decile, in percent of that share."""
    counts = areas.assign(fold=fold).pivot_table(
        index="fold", columns="stratum", values="n_locations", aggfunc="sum", fill_value=0
    )
    share = counts.sum() / FOLDS
    return float(100 * ((counts - share).abs() / share).to_numpy().max())


def scikit_learn_folds(areas: pd.DataFrame) -> np.ndarray:
    rows = np.repeat(np.arange(len(areas)), areas["n_locations"])
    classes = areas["stratum"].factorize(sort=True)[0][rows]
    fold = np.zeros(len(areas), int)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (_, held_out) in enumerate(splitter.split(rows, classes, groups=rows)):
        fold[np.unique(rows[held_out])] = number
    return fold


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", type=int, default=2000)
    parser.add_argument("--locations", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    areas = invented_areas(options.areas, options.locations)
    times_of = {
        name: sorted(seconds(lambda split=split: split.assign(areas, seed=0)) for _ in range(options.runs))
        for name, split in splits().items()
    }
    medians = {name: times[len(times) // 2] for name, times in times_of.items()}
    for name, median in medians.items():
        print(f"{name}: {options.areas} areas in {median:.2f} s", flush=True)
    slowest = max(medians, key=lambda name: medians[name])
    if options.areas >= ENGLAND:
        record(
            "splits_goal",
            Comparison(options.areas / medians[slowest], ENGLAND / ENGLAND_SECONDS, options.runs),
            unit="areas/s",
            other_is=f"the goal: {ENGLAND} areas in {ENGLAND_SECONDS} s; ours is the slowest split, {slowest}",
        )
    ours = imbalance(areas, assign_folds(areas, FOLDS, seed=0)["fold"].to_numpy())
    began = time.perf_counter()
    other = imbalance(areas, scikit_learn_folds(areas))
    print(f"StratifiedGroupKFold took {time.perf_counter() - began:.1f} s", flush=True)
    blocks = imbalance(areas, SpatialBlocks(FOLDS).assign(areas, seed=0)["fold"].to_numpy())
    print(
        f"largest deviation from the share of a decile: folds {ours:.3g} %, spatial_blocks {blocks:.3g} %", flush=True
    )
    record(
        "splits_balance",
        # More is better: the inverse of the largest deviation.
        Comparison(100 / ours, 100 / other, 1),
        unit="1 / largest deviation from a decile's share",
        other_is=f"StratifiedGroupKFold, {options.areas} areas, {int(areas['n_locations'].sum())} locations",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
