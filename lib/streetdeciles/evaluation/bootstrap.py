"""Measures with 95 % intervals, from many random samples of the areas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.evaluation.counts import measures_of_counts
from streetdeciles.methods import MEASURES

if TYPE_CHECKING:
    import pandas as pd

SAMPLES_PER_BATCH = 100
"""Samples in one array [samples, areas]: 26 MB for England's areas."""

INTERVAL = (2.5, 97.5)

Metrics = dict[str, int | float | None]


def measure(cells: pd.DataFrame, *, samples: int, random: np.random.Generator) -> dict[str, Metrics]:
    """The row of `metrics` for each `method`: n, each measure, and its `_low` and `_high`; None if undefined.

    All methods are measured on the same samples of areas, so that they can be compared. A sampled area contributes all
    its counts, so that locations of one area, which are similar, do not count as independent.

    Args:
        cells: for one region, outcome and level: `method`, `true_decile`, `predicted_decile` (may be a fraction), `n`,
            how often the pair occurs in an area, and `drawn`, what samples consist of: the area, or its block.
        samples: the number of samples; 0 for no intervals.
        random: the generator of the samples.
    """
    sampled = sample_measures(cells, samples=samples, random=random)
    return {method: _row(of_method) for method, of_method in sampled.items()}


@dataclass(frozen=True)
class Sampled:
    """Each measure of a method, and its values in the random samples [samples]; NaN if undefined. `n` counts."""

    n: int
    values: dict[str, float]
    drawn: dict[str, npt.NDArray[np.float64]]


def sample_measures(cells: pd.DataFrame, *, samples: int, random: np.random.Generator) -> dict[str, Sampled]:
    """The measures of each method, all in the same samples; the arguments are those of `measure`."""
    area_of_row, areas = cells["drawn"].factorize(sort=True)
    tables = {
        str(method): _CountTable.of(rows, area_of_row[cells["method"] == method], len(areas))
        for method, rows in cells.groupby("method", sort=True)
    }
    values = {name: table.measures(np.ones((len(areas), 1))) for name, table in tables.items()}
    drawn: dict[str, list[dict[str, npt.NDArray[np.float64]]]] = {name: [] for name in tables}
    if len(areas) > 1:
        for weights in draw_areas(len(areas), samples, random):
            by_area = np.ascontiguousarray(weights.T)
            for name, table in tables.items():
                drawn[name].append(table.measures(by_area))
    return {
        name: Sampled(
            table.n,
            {measure: float(value[0]) for measure, value in values[name].items()},
            {
                measure: np.concatenate([sample[measure] for sample in drawn[name]]) if drawn[name] else np.empty(0)
                for measure in MEASURES
            },
        )
        for name, table in tables.items()
    }


def draw_areas(n_areas: int, samples: int, random: np.random.Generator) -> Iterator[npt.NDArray[np.float64]]:
    """How often each area is in each sample, [samples in the batch, areas]."""
    for start in range(0, samples, SAMPLES_PER_BATCH):
        batch_size = min(SAMPLES_PER_BATCH, samples - start)
        weights = np.empty((batch_size, n_areas))
        for of_sample, areas in zip(weights, random.integers(0, n_areas, size=weights.shape), strict=True):
            of_sample[:] = np.bincount(areas, minlength=n_areas)
        yield weights


@dataclass(frozen=True)
class _CountTable:
    """The cells of one method: a sparse matrix [areas, R * P] of counts, and the R true and P predicted deciles."""

    by_area: Any
    true: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]
    n: int

    @staticmethod
    def of(rows: pd.DataFrame, area: npt.NDArray[np.intp], n_areas: int) -> _CountTable:
        from scipy.sparse import csr_array

        true, r = np.unique(rows["true_decile"].to_numpy(np.float64), return_inverse=True)
        predicted, p = np.unique(rows["predicted_decile"].to_numpy(np.float64), return_inverse=True)
        n = rows["n"].to_numpy(np.float64)
        shape = (n_areas, true.size * predicted.size)
        by_area = csr_array((n, (area, r * predicted.size + p)), shape=shape)
        return _CountTable(by_area, true, predicted, int(n.sum()))

    def measures(self, weights: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        """Each measure [samples], with area a counted weights[a, sample] times."""
        counts = (self.by_area.T @ weights).T
        return measures_of_counts(counts.reshape(-1, self.true.size, self.predicted.size), self.true, self.predicted)


def _row(sampled: Sampled) -> Metrics:
    row: Metrics = {"n": sampled.n}
    for name in MEASURES:
        value, (low, high) = sampled.values[name], interval_of(sampled.drawn[name])
        is_known = not np.isnan(value)
        row[name] = value if is_known else None
        row[f"{name}_low"], row[f"{name}_high"] = (low, high) if is_known else (None, None)
    return row


def interval_of(draws: npt.NDArray[np.float64]) -> tuple[float | None, float | None]:
    """The ends of the 95 % interval of these values, without the undefined ones; None if there are no others."""
    draws = draws[~np.isnan(draws)]
    if not draws.size:
        return None, None
    low, high = np.percentile(draws, INTERVAL)
    return float(low), float(high)


def interval_of_mean(
    values: npt.NDArray[np.float64], drawn: npt.NDArray[np.int64], samples: int, random: np.random.Generator
) -> tuple[float | None, float | None]:
    """Ends of the interval of the mean of `values` [n]; samples consist of the numbers in `drawn` [n], from 0 on."""
    n, sums = np.bincount(drawn), np.bincount(drawn, values)
    if len(n) < 2 or not samples:
        return None, None
    means = [(weights @ sums) / (weights @ n) for weights in draw_areas(len(n), samples, random)]
    return interval_of(np.concatenate(means))


def drawn_units(area_ids: pd.Series[str], blocks: pd.Series[Any]) -> pd.Series[str]:
    """What random samples draw in place of each area: its block if it has one (-1: none), else the area itself."""
    return area_ids.mask(blocks >= 0, blocks.map(lambda number: f"block {number}"))
