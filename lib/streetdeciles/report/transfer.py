"""Transfers of models between regions: error by the share of the region that they learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.report.charts import records
from streetdeciles.report.collect import read_optional
from streetdeciles.report.share_chart import ShareChart, share_chart
from streetdeciles.stages import DATASET_STAGE
from streetdeciles.tables import TRANSFER

if TYPE_CHECKING:
    import pandas as pd


def read_transfer(config: RunConfig) -> pd.DataFrame:
    """The rows of the table transfer that are about the run's training set, by share; none without such a table."""
    mark = run_log.read_mark(config.work_dir, DATASET_STAGE)
    rows = read_optional(TRANSFER, config)
    rows = rows[(rows["dataset"] == (mark.generation if mark else "")) & rows["outcome"].isin(config.dataset.outcomes)]
    return rows.sort_values("share")


def read_charts(config: RunConfig) -> list[ShareChart]:
    """One chart per outcome, source and region."""
    groups = read_transfer(config).groupby(["outcome", "source", "region"], sort=True)
    return [share_chart(records(group)) for _, group in groups]
