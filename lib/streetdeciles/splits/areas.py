"""The order in which a split takes units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def largest_first(units: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """`units` with the largest first, and equal ones in random order; the order of the rows does not matter."""
    by_name = units.sort_values("unit", ignore_index=True)
    return by_name.iloc[random.permutation(len(by_name))].sort_values("n_locations", ascending=False, kind="stable")
