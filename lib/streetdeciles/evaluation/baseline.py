"""The baseline that a model must beat: the median decile everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.methods import AREA, MEDIAN

if TYPE_CHECKING:
    import pandas as pd

MAX_NAMED = 5
"""The maximum number of outcomes and regions in one note."""


def median_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of the method `median`, for the locations or areas counted in `cells` (see `bootstrap.measure`).

    It predicts the median of the true deciles on which it is measured (rounded half to even), so it knows more than a
    model may. It is measured wherever at least one method predicts. `cells` must have one outcome and level.
    """
    of_method = cells.groupby(["method", "area_id", "true_decile"], as_index=False)["n"].sum()
    truth = of_method.groupby(["area_id", "true_decile"], as_index=False)["n"].max()
    median = np.rint(np.median(np.repeat(truth["true_decile"].to_numpy(np.float64), truth["n"])))
    cells_of_median: pd.DataFrame = truth.assign(method=MEDIAN, predicted_decile=median)
    return cells_of_median


def worse_than_median(metrics: pd.DataFrame, method: str) -> str:
    """A note on the outcomes and regions whose areas `method` predicts worse than the median; empty if there are none.

    `metrics` has the columns of the table metrics; the comparison is by mean absolute error.
    """
    keys = ["region", "outcome"]
    areas = metrics[metrics["level"] == AREA].set_index(keys)
    both = areas.loc[areas["method"] == method, ["mae"]].join(
        areas.loc[areas["method"] == MEDIAN, "mae"].rename("of_median"), how="inner"
    )
    worse = both[both["mae"] > both["of_median"]].sort_index()
    if worse.empty:
        return ""
    named = [
        f"{outcome} in {region} ({row.mae:.2f} against {row.of_median:.2f})"
        for (region, outcome), row in zip(worse.index, worse.itertuples(), strict=True)
    ]
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return (
        f"the network is worse than predicting the median decile for every area, by mean absolute error, for "
        f"{', '.join(named[:MAX_NAMED])}{more}: do not use these predictions; use more locations, "
        "or settings for few (docs/training.md)"
    )
