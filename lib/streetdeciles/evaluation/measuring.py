"""The rows of the stage's tables for the cells of one region, outcome and level."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.config import RunConfig
from streetdeciles.evaluation.bootstrap import measure
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


def measure_group(cells: pd.DataFrame, predicted: pd.DataFrame, areas: pd.DataFrame, config: RunConfig) -> Measured:
    """Measure the network and the baselines.

    Args:
        cells: as for `bootstrap.measure`, with the same value in each column of GROUP.
        predicted: `region`, `area_id`, `outcome`, `model` and `decile` of the baselines.
        areas: `region`, `area_id`, `district`, `n_locations`, `block` (-1 without blocks, else what intervals are drawn
            from), `fold` (-1 if it has none of its own), and the centre as `x` and `y`, NaN if it is not known.
        config: the run's.
    """
    group = {name: str(cells[name].iloc[0]) for name in GROUP}
    whole = _with_baselines(cells, predicted, group)
    of_region = areas[areas["region"] == group["region"]].drop(columns="region")
    whole["drawn"] = _drawn(whole["area_id"], of_region)
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
    return Measured(metrics, *([group | row for row in rows] for rows in (compared, broken_down, by_fold)))


def _with_baselines(cells: pd.DataFrame, predicted: pd.DataFrame, group: dict[str, str]) -> pd.DataFrame:
    """`cells` and those of the baselines; at level `location` of the median only."""
    import pandas as pd

    is_same = (predicted["region"] == group["region"]) & (predicted["outcome"] == group["outcome"])
    if group["level"] == LOCATION:
        is_same &= predicted["model"] == MEDIAN
    return pd.concat([cells, baseline_cells(cells, predicted[is_same])], ignore_index=True)


def _drawn(area_ids: pd.Series[str], areas: pd.DataFrame) -> pd.Series[str]:
    """What random samples draw in place of the area: its block if the split has blocks, else the area itself."""
    block = area_ids.map(areas.set_index("area_id")["block"]).fillna(-1).astype(int)
    names = block.map(lambda number: f"block {number}")
    return area_ids.mask(block >= 0, names)


def _random(group: dict[str, str], config: RunConfig) -> np.random.Generator:
    """Seeded by the group's name, so that another outcome does not change the intervals of this one."""
    return np.random.default_rng([config.seed, zlib.crc32("/".join(group.values()).encode())])


def _moran(cells: pd.DataFrame, areas: pd.DataFrame, random: np.random.Generator) -> dict[str, float | None]:
    joined = cells.merge(areas, on="area_id").dropna(subset=["x", "y"]).sort_values("area_id")
    residuals = (joined["predicted_decile"] - joined["true_decile"]).to_numpy(np.float64)
    result = moran(residuals, joined[["x", "y"]].to_numpy(np.float64), random=random)
    return {"moran_i": None, "moran_p": None} if result is None else {"moran_i": result.value, "moran_p": result.p}
