"""The geometry of a chart of errors by the share of areas that models learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streetdeciles.report.charts import BOTTOM, CURVE_HEIGHT, CURVE_WIDTH, LEFT, RIGHT, TOP, Tick

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
class ShareChart:
    """One outcome; of a transfer also one source and region. `n` areas or locations are measured, for all shares."""

    outcome: str
    n: int
    points: list[Point]
    line: str
    y_ticks: list[Tick]
    source: str = ""
    region: str = ""


def share_chart(rows: Sequence[dict[str, Any]]) -> ShareChart:
    """The chart of these rows, in the order of their shares.

    `rows`: outcome, n, share, n_learning, mae and spearman with `_low` and `_high`, and perhaps source and region; what
    is not known is None or NaN.
    """
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
    return ShareChart(
        outcome=str(rows[0]["outcome"]),
        n=int(rows[0]["n"]),
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points),
        y_ticks=[Tick(y(value), str(value)) for value in range(highest + 1)],
        source=str(rows[0].get("source", "")),
        region=str(rows[0].get("region", "")),
    )


def _words(row: dict[str, Any], measure: str) -> str:
    """E.g. `1.50 (1.27 to 1.72)`."""
    value, low, high = (row.get(name) for name in (measure, f"{measure}_low", f"{measure}_high"))
    if value is None or not _is_known(value):
        return "–"
    text = f"{value:.2f} ({low:.2f} to {high:.2f})" if _is_known(low) and _is_known(high) else f"{value:.2f}"
    return text.replace("-", "−")


def _is_known(value: Any) -> bool:
    return value is not None and math.isfinite(value)
