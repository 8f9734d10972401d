"""What is predicted for the areas of each actual decile: a scatter, and the mean error, which shows any shrinking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.methods import AREA
from streetdeciles.report.charts import Tick, nice_ticks, records
from streetdeciles.report.colours import decile_class

if TYPE_CHECKING:
    import pandas as pd

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 10, 44
"""A chart's box, and the room beside its axes."""

COLUMN = (WIDTH - LEFT - RIGHT) / 10
"""The width of an actual decile."""

MAX_DOTS = 600
"""With more areas than this the scatter counts them in cells: dots would hide each other, and fill the page."""

N_BINS = 40
"""Cells of each decile in the scatter of many areas."""

NORMAL_95 = 1.96
"""Standard errors to either side of a mean that its 95 % interval reaches."""

GOLDEN = 0.618034
"""Steps of the dots within their column: successive areas lie far apart, without a random number."""


@dataclass(frozen=True)
class Dot:
    """An area: where it is drawn, its position in the region's list of areas, and its predicted decile.

    `low` and `high` are the heights of the ends of its score's interval, None if it has none.
    """

    x: float
    y: float
    area: int
    decile: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Cell:
    """The areas of a decile whose scores lie in a range; `strength` in 0..1."""

    x: float
    y: float
    n: int
    strength: float


@dataclass(frozen=True)
class Scatter:
    """Mean scores against actual deciles, as dots or as cells of the height `cell_height`; `medians` by decile."""

    n: int
    dots: list[Dot]
    cells: list[Cell]
    cell_height: float
    medians: list[tuple[float, float]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class Bar:
    """The mean error of the areas of an actual decile, from `y` down over `height`; its text is at `text_y`."""

    decile: int
    x: float
    y: float
    height: float
    text_y: float
    value: float
    n: int


@dataclass(frozen=True)
class Bars:
    bars: list[Bar]
    zero: float
    y_ticks: list[Tick]


def column(decile: float) -> float:
    """The middle of an actual decile on the horizontal axis."""
    return round(LEFT + (decile - 0.5) * COLUMN, 1)


def scatter(areas: pd.DataFrame, area_ids: list[str]) -> Scatter | None:
    """From area_id, true_decile, decile, mean_score and score_se; None if no area has an actual decile and a score.

    `area_ids`: the region's areas in the order of the page's lists.
    """
    known = areas[areas["true_decile"].notna() & areas["mean_score"].notna()]
    if known.empty:
        return None
    scores, deciles = known["mean_score"].to_numpy(float), known["true_decile"].to_numpy(int)
    few = len(known) <= MAX_DOTS
    reach = NORMAL_95 * known["score_se"].astype(float).fillna(0).to_numpy() if few else np.zeros(1)
    ticks = nice_ticks(float((scores - reach).min()), float((scores + reach).max()))
    low, high = ticks[0], ticks[-1]
    return Scatter(
        n=len(known),
        dots=_dots(known, area_ids, (low, high)) if few else [],
        cells=[] if few else _cells(deciles, scores, (low, high)),
        cell_height=round((HEIGHT - TOP - BOTTOM) / N_BINS, 2),
        medians=[
            (column(decile), height(float(np.median(scores[deciles == decile])), (low, high)))
            for decile in np.unique(deciles).tolist()
        ],
        x_ticks=[Tick(column(decile), str(decile)) for decile in range(1, 11)],
        y_ticks=[Tick(height(tick, (low, high)), f"{tick:g}".replace("-", "−")) for tick in ticks],
    )


def height(value: float, ends: tuple[float, float]) -> float:
    """A value on the vertical axis with these ends."""
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (ends[1] - value) / (ends[1] - ends[0]), 1)


def _dots(known: pd.DataFrame, area_ids: list[str], ends: tuple[float, float]) -> list[Dot]:
    positions = {area_id: i for i, area_id in enumerate(area_ids)}
    return [
        Dot(
            x=round(column(row["true_decile"]) + 0.7 * COLUMN * (i * GOLDEN % 1 - 0.5), 1),
            y=height(row["mean_score"], ends),
            area=positions[row["area_id"]],
            decile=decile_class(row["decile"]),
            low=_end(row, -1, ends),
            high=_end(row, 1, ends),
        )
        for i, row in enumerate(records(known.sort_values("area_id")))
    ]


def _end(row: dict[str, Any], sign: int, ends: tuple[float, float]) -> float | None:
    error = row["score_se"]
    return None if error is None or math.isnan(error) else height(row["mean_score"] + sign * NORMAL_95 * error, ends)


def _cells(deciles: np.ndarray[Any, Any], scores: np.ndarray[Any, Any], ends: tuple[float, float]) -> list[Cell]:
    counts, _, _ = np.histogram2d(deciles, scores, bins=[10, N_BINS], range=[[0.5, 10.5], [*ends]])
    strongest = counts.max()
    size = (ends[1] - ends[0]) / N_BINS
    return [
        Cell(
            x=round(LEFT + i * COLUMN + 1, 1),
            y=height(ends[0] + (j + 1) * size, ends),
            n=int(counts[i, j]),
            strength=round(float(np.sqrt(counts[i, j] / strongest)), 2),
        )
        for i, j in np.argwhere(counts).tolist()
    ]


def mean_errors(breakdowns: pd.DataFrame, method: str) -> Bars | None:
    """From the rows of the table breakdowns for one outcome and region; None if it has none by actual decile."""
    chosen = breakdowns["level"].eq(AREA) & breakdowns["method"].eq(method) & breakdowns["by"].eq("true_decile")
    rows = records(breakdowns[chosen & breakdowns["mean_error"].notna()].sort_values("value"))
    if not rows:
        return None
    values = [float(row["mean_error"]) for row in rows]
    ticks = nice_ticks(min(0.0, *values), max(0.0, *values))
    ends = ticks[0], ticks[-1]
    zero = height(0, ends)
    return Bars(
        bars=[_bar(row, height(float(row["mean_error"]), ends), zero) for row in rows],
        zero=zero,
        y_ticks=[Tick(height(tick, ends), f"{tick:+g}".replace("-", "−") if tick else "0") for tick in ticks],
    )


def _bar(row: dict[str, Any], end: float, zero: float) -> Bar:
    decile = int(row["value"])
    return Bar(
        decile=decile,
        x=round(LEFT + (decile - 1) * COLUMN + 6, 1),
        y=min(end, zero),
        height=round(abs(end - zero), 1),
        # Beside zero, on the other side of the bar: there is always room.
        text_y=zero + 15 if end < zero else zero - 5,
        value=float(row["mean_error"]),
        n=int(row["n"]),
    )
