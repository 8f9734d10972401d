"""The learning curve: held-out error by the share of the areas that models learned from."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.csv_cells import text_of_cell
from streetdeciles.report.charts import records
from streetdeciles.report.share_chart import ShareChart, share_chart
from streetdeciles.stages import DATASET_STAGE

if TYPE_CHECKING:
    import pandas as pd

FILE = "learning_curve.csv"
"""What `streetdeciles training --learning-curve` writes: one row per size, outcome and fold."""

COLUMNS = ("outcome", "share", "n_learning", "n", "mae", "mae_low", "mae_high")


def read_learning_curve(config: RunConfig) -> pd.DataFrame:
    """COLUMNS of each outcome and share; empty if there is no such file about the run's training set.

    `mae` is over all held-out locations (`n`), `mae_low` and `mae_high` are the lowest and the highest fold's, and
    `n_learning` is a mean over the folds.
    """
    import pandas as pd

    uri = storage.join(config.work_dir, FILE)
    if not storage.exists(uri):
        return pd.DataFrame(columns=list(COLUMNS))
    points = pd.read_csv(
        io.BytesIO(storage.read_bytes(uri)), converters={"outcome": text_of_cell, "dataset": text_of_cell}
    )
    mark = run_log.read_mark(config.work_dir, DATASET_STAGE)
    is_shown = points.get("dataset", pd.Series(index=points.index)) == (mark.generation if mark else "")
    points = points[is_shown & points["outcome"].isin(config.dataset.outcomes) & (points["locations"] > 0)]
    points = points.assign(total=points["mae"] * points["locations"]).sort_values("train_size")
    curve = points.groupby(["outcome", "train_size"], sort=False).agg(
        n_learning=("learning_areas", "mean"),
        n=("locations", "sum"),
        total=("total", "sum"),
        mae_low=("mae", "min"),
        mae_high=("mae", "max"),
    )
    curve = curve.assign(mae=curve["total"] / curve["n"]).reset_index(names=["outcome", "share"])
    return curve[list(COLUMNS)]


def learning_curve_charts(config: RunConfig) -> list[ShareChart]:
    """One chart per outcome, in the order of the config."""
    curve = read_learning_curve(config)
    of_outcome = {str(outcome): share_chart(records(rows)) for outcome, rows in curve.groupby("outcome")}
    return [of_outcome[outcome] for outcome in config.dataset.outcomes if outcome in of_outcome]
