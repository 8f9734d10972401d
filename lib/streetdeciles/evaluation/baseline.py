"""What a model must beat: to say the same for every place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MEDIAN = "median"


def median_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of the method `median` for the places of `cells` (see `bootstrap.measure`; of one outcome and level).

    It always predicts the median of the true deciles of the very places it is measured on (rounded half to even), so
    it knows more than a model may. It is measured on every place that at least one method predicts.
    """
    of_method = cells.groupby(["method", "area_id", "true_decile"], as_index=False)["n"].sum()
    places = of_method.groupby(["area_id", "true_decile"], as_index=False)["n"].max()
    median = np.rint(np.median(np.repeat(places["true_decile"].to_numpy(np.float64), places["n"])))
    cells_of_median: pd.DataFrame = places.assign(method=MEDIAN, predicted_decile=median)
    return cells_of_median
