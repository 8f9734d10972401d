"""Deciles of an outcome over a region's areas, by the rule of pandas' `qcut(values, 10)` (docs/reference.md, 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import pandas as pd

DECILES = 10
SMALLEST_REGION = 10
"""Areas that a region must have: with fewer some deciles would have none."""


def deciles(
    values: pd.Series, *, higher_is: Literal["better", "worse"], outcome: str = "", region: str = ""
) -> pd.Series:
    """Decile 1..10 of each value, 1 the most deprived, as float64; NaN where the value is NaN.

    Edges are the linearly interpolated quantiles 0, .1, … 1; a value on an edge belongs to the bin below it,
    up to pandas' rounding of the edge: bins equal pandas' in every case, so that published results are met.
    `higher_is="worse"` numbers the same bins from the top. RunRefused names `outcome` and `region` where two
    edges are equal, or where some but fewer than ten areas have a value; with no value at all none gets a decile.
    """
    import numpy as np
    import pandas as pd

    known = values.dropna()
    if known.empty:
        return pd.Series(np.nan, index=values.index)
    where = f"outcome {outcome} in region {region}"
    if len(known) < SMALLEST_REGION:
        raise RunRefused(f"{where}: {len(known)} area(s) have a value; deciles need at least {SMALLEST_REGION}")
    # pandas' own quantile of pandas' own probabilities: any other way rounds some edges differently.
    edges = known.quantile(np.linspace(0, 1, DECILES + 1)).to_numpy()
    doubled = edges[1:][edges[1:] == edges[:-1]]
    if len(doubled):
        raise RunRefused(
            f"{where}: more than a tenth of the areas have the value {doubled[0]:g}, so two edges of the deciles "
            "are equal; leave this outcome out or enlarge the region"
        )
    bins = np.searchsorted(edges, known.to_numpy(), side="left").clip(1, DECILES)
    numbers = bins if higher_is == "better" else DECILES + 1 - bins
    return pd.Series(numbers, index=known.index, dtype="float64").reindex(values.index)
