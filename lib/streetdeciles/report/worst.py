"""What a council asks first: which areas are the worst, and how far such a list can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.methods import AREA, BASELINES, METHOD_TITLES, NETWORK, WORST
from streetdeciles.report.charts import records

if TYPE_CHECKING:
    import pandas as pd

MAX_LISTED = 20
"""A tenth of the areas is listed, but no more than these."""


@dataclass(frozen=True)
class Recognised:
    """How well the models or a baseline recognise the worst areas: the values of methods.WORST as text."""

    label: str
    is_baseline: bool
    shares: list[tuple[str, str]]
    """Each with its interval; empty if it has none."""


@dataclass(frozen=True)
class Listed:
    """An area that is predicted to be among the worst; `area` is its position in the region's list."""

    area: int
    decile: float
    true_decile: float | None


@dataclass(frozen=True)
class Worst:
    recognised: list[Recognised]
    listed: list[Listed]


def worst_areas(metrics: pd.DataFrame, areas: pd.DataFrame, area_ids: list[str], method: str) -> Worst:
    """The areas with the lowest mean scores, worst first.

    Args:
        metrics: the rows of the table metrics for one outcome and region.
        areas: area_id, true_decile, decile and mean_score of its areas; NaN = not known.
        area_ids: the region's, in order.
        method: the method of aggregation of the predicted deciles.
    """
    positions = {area_id: i for i, area_id in enumerate(area_ids)}
    predicted = areas[areas["decile"].notna()].sort_values(["mean_score", "area_id"])
    n_listed = min(MAX_LISTED, math.ceil(len(predicted) / 10))
    return Worst(
        recognised=_recognised(metrics[metrics["level"] == AREA], method),
        listed=[
            Listed(
                positions[row["area_id"]],
                row["decile"],
                None if math.isnan(row["true_decile"]) else row["true_decile"],
            )
            for row in records(predicted.head(n_listed).astype({"true_decile": float}))
        ],
    )


def _recognised(metrics: pd.DataFrame, method: str) -> list[Recognised]:
    rows = {row["method"]: row for row in records(metrics) if row["model"] != NETWORK or row["method"] == method}
    shown = [name for name in (method, *BASELINES) if name in rows and _has_shares(rows[name])]
    return [
        Recognised(
            "the models" if name == method else METHOD_TITLES[name],
            name != method,
            [_share(rows[name], measure) for measure in WORST],
        )
        for name in shown
    ]


def _has_shares(row: dict[str, Any]) -> bool:
    return any(row.get(measure) is not None and math.isfinite(row[measure]) for measure in WORST)


def _share(row: dict[str, Any], measure: str) -> tuple[str, str]:
    def text(name: str) -> str:
        value = row.get(name)
        return "" if value is None or not math.isfinite(value) else f"{100 * value:.0f}"

    low, high = text(f"{measure}_low"), text(f"{measure}_high")
    return f"{text(measure)} %" if text(measure) else "–", f"{low} to {high}" if low and high else ""
