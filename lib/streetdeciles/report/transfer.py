"""The chart of each transfer of models between regions: error by the share of the region that they learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.report.charts import BOTTOM, CURVE_HEIGHT, CURVE_WIDTH, LEFT, RIGHT, TOP, Tick, records
from streetdeciles.report.collect import read_optional
from streetdeciles.stages import DATASET_STAGE
from streetdeciles.tables import TRANSFER

INSET = 14
"""Room between the axes and the first and last share."""


@dataclass(frozen=True)
class Point:
    """The error with models that learned from a share of the areas: its place, that of its interval, and in words."""

    x: float
    y: float
    low: float | None
    high: float | None
    share: str
    learning: int
    mae: str
    spearman: str


@dataclass(frozen=True)
class TransferChart:
    """One source, region and outcome. `n` areas are measured, the same ones for all shares."""

    source: str
    region: str
    outcome: str
    n: int
    points: list[Point]
    line: str
    y_ticks: list[Tick]


def read_charts(config: RunConfig) -> list[TransferChart]:
    """The charts of the table transfer; none if there is no such table, or if it is about another training set."""
    mark = run_log.read_mark(config.work_dir, DATASET_STAGE)
    rows = read_optional(TRANSFER, config)
    rows = rows[(rows["dataset"] == (mark.generation if mark else "")) & rows["outcome"].isin(config.dataset.outcomes)]
    groups = rows.sort_values("share").groupby(["outcome", "source", "region"], sort=True)
    return [_chart(records(group)) for _, group in groups]


def _chart(rows: Sequence[dict[str, Any]]) -> TransferChart:
    """The chart of these rows, in the order of their shares."""
    ends = [row[name] for row in rows for name in ("mae", "mae_high")]
    highest = max(1, math.ceil(max((value for value in ends if _is_known(value)), default=1)))
    step = (CURVE_WIDTH - LEFT - RIGHT - 2 * INSET) / max(1, len(rows) - 1)

    def y(value: float) -> float:
        return round(TOP + (CURVE_HEIGHT - TOP - BOTTOM) * (1 - value / highest), 1)

    points = [
        Point(
            x=round(LEFT + INSET + step * number, 1),
            y=y(row["mae"]),
            low=y(row["mae_low"]) if _is_known(row["mae_low"]) else None,
            high=y(row["mae_high"]) if _is_known(row["mae_high"]) else None,
            share=f"{100 * row['share']:g} %" if row["share"] else "as is",
            learning=int(row["n_learning"]),
            mae=_words(row, "mae"),
            spearman=_words(row, "spearman"),
        )
        for number, row in enumerate(rows)
        if _is_known(row["mae"])
    ]
    return TransferChart(
        source=str(rows[0]["source"]),
        region=str(rows[0]["region"]),
        outcome=str(rows[0]["outcome"]),
        n=int(rows[0]["n"]),
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points),
        y_ticks=[Tick(y(value), str(value)) for value in range(highest + 1)],
    )


def _words(row: dict[str, Any], measure: str) -> str:
    """E.g. `1.50 (1.27 to 1.72)`."""
    value, low, high = (row[name] for name in (measure, f"{measure}_low", f"{measure}_high"))
    if not _is_known(value):
        return "–"
    text = f"{value:.2f} ({low:.2f} to {high:.2f})" if _is_known(low) and _is_known(high) else f"{value:.2f}"
    return text.replace("-", "−")


def _is_known(value: Any) -> bool:
    return value is not None and math.isfinite(value)
