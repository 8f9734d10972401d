"""The GLA's modelled household income: pound signs in Windows-1252."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from published_layouts.region import noisy

YEARS = ("2001/02", "2011/12", "2012/13")


def write_household_income(areas: pd.DataFrame, path: Path, seed: int) -> None:
    """Mean and median of each year, e.g. `£34,080`."""
    rng = np.random.default_rng([seed, 31])
    median = 20_000 + 60_000 * noisy(areas, "income", rng)
    table = pd.DataFrame({"Code": areas["area_id"], "Names": areas["area_name"]})
    for name, factor in (("Mean", 1.25), ("Median", 1.0)):
        for i, year in enumerate(YEARS):
            pounds = (median * factor * (0.8 + 0.1 * i) / 10).round().astype(int) * 10
            table[f"{name} {year}"] = [f"£{value:,}" for value in pounds]
    table.to_csv(path, index=False, encoding="cp1252", lineterminator="\r\n")
