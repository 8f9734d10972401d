"""The rows of the stage's tables for the cells of one region, outcome and level."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.config import RunConfig
from streetdeciles.evaluation.bootstrap import drawn_units, measure
from streetdeciles.evaluation.breakdowns import breakdowns
from streetdeciles.evaluation.comparisons import baseline_cells, compare
from streetdeciles.evaluation.fold_spread import fold_spread
from streetdeciles.evaluation.moran import moran
from streetdeciles.methods import AREA, BASELINES, LOCATION, MEDIAN, NETWORK

if TYPE_CHECKING:
    import pandas as pd

Rows = list[dict[str, Any]]

GROUP = ("region", "outcome", "level")


@dataclass(frozen=True)
class Measured:
    """Rows of the tables metrics, comparisons, breakdowns and fold_metrics."""

    metrics: Rows
    comparisons: Rows
    breakdowns: Rows
    fold_metrics: Rows


def number_areas(areas: pd.DataFrame) -> pd.DataFrame:
    """The areas with numbers as `area_id`, in the order of their codes, and `drawn` (see `bootstrap.measure`).

    `areas` has `region`, `area_id` and `block`, -1 without blocks. Millions of numbers are grouped and joined several
    times faster than texts. The codes are in the column `code`.
    """
    ordered = areas.sort_values(["region", "area_id"], ignore_index=True).rename(columns={"area_id": "code"})
    ordered["area_id"] = ordered.index.to_numpy(np.int64)
    return ordered.assign(drawn=drawn_units(ordered["code"], ordered["block"]).factorize(sort=True)[0])


def number_baselines(predicted: pd.DataFrame, areas: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """`area_id`, `model` and `decile` of each region and outcome; `areas` are those of `number_areas`."""
    numbers = areas[["region", "code", "area_id"]]
    numbered = predicted.rename(columns={"area_id": "code"}).merge(numbers, on=["region", "code"])
    columns = ["area_id", "model", "decile"]
    return {(str(group[0]), str(group[1])): rows[columns] for group, rows in numbered.groupby(["region", "outcome"])}


def measure_group(
    group: Mapping[str, str],
    cells: pd.DataFrame,
    baselines: Mapping[tuple[str, str], pd.DataFrame],
    areas: pd.DataFrame,
    config: RunConfig,
) -> Measured:
    """Measure the network and the baselines.

    Args:
        group: the value of each of GROUP.
        cells: of the group, as for `bootstrap.measure`, with `area_id` in place of `drawn`.
        baselines: from `number_baselines`.
        areas: from `number_areas`, with `district`, `n_locations`, `fold` (-1 if it has none of its own), and the
            centre as `x` and `y`, NaN if it is not known.
        config: the run's.
    """
    of_region = areas[areas["region"] == group["region"]].drop(columns=["region", "code"])
    whole = _with_baselines(cells, baselines.get((group["region"], group["outcome"])), group["level"])
    whole["drawn"] = of_region.set_index("area_id")["drawn"].loc[whole["area_id"]].to_numpy()
    samples = config.evaluation.bootstrap
    metrics = [
        {**group, "method": method, "model": method if method in BASELINES else NETWORK, **values}
        for method, values in measure(whole, samples=samples, random=_random(group, config)).items()
    ]
    if group["level"] != AREA:
        return Measured(metrics, [], [], [])
    for row in metrics:
        if row["method"] in (config.report.method, *BASELINES):
            row.update(_moran(whole[whole["method"] == row["method"]], of_region, _random(group, config)))
    compared = compare(whole, config.report.method, samples=samples, random=_random(group, config))
    broken_down = breakdowns(whole, of_region)
    by_fold = fold_spread(whole[whole["method"] == config.report.method], of_region)
    return Measured(metrics, *([{**group, **row} for row in rows] for rows in (compared, broken_down, by_fold)))


def _with_baselines(cells: pd.DataFrame, predicted: pd.DataFrame | None, level: str) -> pd.DataFrame:
    """`cells` and those of the baselines; at level `location` of the median only."""
    import pandas as pd

    if predicted is None:
        return cells
    if level == LOCATION:
        predicted = predicted[predicted["model"] == MEDIAN]
    return pd.concat([cells, baseline_cells(cells, predicted)], ignore_index=True)


def _random(group: Mapping[str, str], config: RunConfig) -> np.random.Generator:
    """Seeded by the group's name, so that another outcome does not change the intervals of this one."""
    return np.random.default_rng([config.seed, zlib.crc32("/".join(group.values()).encode())])


def _moran(cells: pd.DataFrame, areas: pd.DataFrame, random: np.random.Generator) -> dict[str, float | None]:
    joined = cells.merge(areas, on="area_id").dropna(subset=["x", "y"]).sort_values("area_id")
    residuals = (joined["predicted_decile"] - joined["true_decile"]).to_numpy(np.float64)
    result = moran(residuals, joined[["x", "y"]].to_numpy(np.float64), random=random)
    return {"moran_i": None, "moran_p": None} if result is None else {"moran_i": result.value, "moran_p": result.p}
