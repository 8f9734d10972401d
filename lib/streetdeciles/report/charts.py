"""The geometry of the page's charts: confusion matrices, learning curves, intervals. The templates draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.report.colours import blend, text_colour

if TYPE_CHECKING:
    import pandas as pd

SHADE = "#1f5f8b"
"""The colour of a cell of a confusion matrix at full strength."""

CURVE_WIDTH, CURVE_HEIGHT = 230, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 20
"""A learning curve's box, and the room beside its axes."""


@dataclass(frozen=True)
class Cell:
    n: int
    share: float
    """Share of all locations or areas with the row's actual decile."""
    background: str
    colour: str


@dataclass(frozen=True)
class Matrix:
    """Rows are true deciles 1..10, columns predicted ones; `row_sums` and `column_sums` are their totals."""

    rows: list[list[Cell]]
    row_sums: list[int]
    column_sums: list[int]
    n: int
    exact: int
    within_1: int


CUT_ABOVE = 4
"""The axis of a learning curve ends at this multiple of the median value; higher values are drawn at its end."""


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Curve:
    """One fold's losses (or MAEs) over the epochs, as SVG polyline points."""

    fold: int
    training: str
    validation: str
    best_x: float | None
    best_y: float | None
    best: str
    """The epoch of the lowest validation loss and the validation value at it, in words."""


@dataclass(frozen=True)
class Curves:
    """A row of small charts on common axes."""

    title: str
    folds: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval on a line, in per cent of the line's length; None if it is not known."""

    value: float | None
    low: float | None
    high: float | None


def confusion_matrix(counts: pd.DataFrame) -> Matrix | None:
    """From true_decile, decile (halves go to the even decile) and n; None if nothing is counted."""
    known = counts[counts["true_decile"].notna() & counts["decile"].notna()]
    # As `decile_class`, for many areas at once.
    rows, columns = (
        np.clip(np.rint(known[name].to_numpy(float)), 1, 10).astype(int) - 1 for name in ("true_decile", "decile")
    )
    cells = np.zeros((10, 10), int)
    np.add.at(cells, (rows, columns), known["n"].to_numpy(int))
    table: list[list[int]] = cells.tolist()
    total = sum(map(sum, table))
    if not total:
        return None
    return Matrix(
        rows=[[_cell(n, sum(row)) for n in row] for row in table],
        row_sums=[sum(row) for row in table],
        column_sums=[sum(column) for column in zip(*table, strict=True)],
        n=total,
        exact=sum(table[i][i] for i in range(10)),
        within_1=sum(table[i][j] for i in range(10) for j in range(10) if abs(i - j) <= 1),
    )


def _cell(n: int, of: int) -> Cell:
    share = n / of if of else 0.0
    # The root makes small shares visible; most cells of ten classes hold less than a fifth.
    background = blend(SHADE, math.sqrt(share))
    return Cell(n, share, background, text_colour(background))


@dataclass(frozen=True)
class _Axes:
    """Positions of epochs and values in the box."""

    first: int
    last: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        along = (epoch - self.first) / max(1, self.last - self.first)
        return round(LEFT + (CURVE_WIDTH - LEFT - RIGHT) * along, 1)

    def y(self, value: float) -> float:
        """The position of a value; above the axis it is the upper end."""
        down = (self.high - min(value, self.high)) / (self.high - self.low)
        return round(TOP + (CURVE_HEIGHT - TOP - BOTTOM) * down, 1)

    def polyline(self, epochs: list[dict[str, Any]], name: str) -> str:
        finite = [row for row in epochs if math.isfinite(row[name])]
        return " ".join(f"{self.x(row['epoch'])},{self.y(row[name])}" for row in finite)


def learning_curves(history: pd.DataFrame, measure: str, title: str) -> Curves | None:
    """Charts of `measure` and `val_<measure>` of one outcome's folds; None if no value is finite.

    `history`: fold, epoch, val_loss and the two columns, in any order.
    """
    numbers = history[[measure, f"val_{measure}"]].to_numpy(float).ravel().tolist()
    values = [value for value in numbers if math.isfinite(value)]
    if not values:
        return None
    # In the first epochs errors may be so large that the rest of the curve would be flat.
    usual = CUT_ABOVE * median(values)
    highest = min(max(values), usual) if usual > 0 else max(values)
    ticks = nice_ticks(min(values), highest)
    axes = _Axes(int(history["epoch"].min()), int(history["epoch"].max()), ticks[0], ticks[-1])
    folds: dict[int, list[dict[str, Any]]] = {}
    for row in records(history.sort_values(["fold", "epoch"])):
        folds.setdefault(int(row["fold"]), []).append(row)
    return Curves(
        title=title,
        folds=[_curve(fold, epochs, measure, axes) for fold, epochs in folds.items()],
        x_ticks=[Tick(axes.x(epoch), str(epoch)) for epoch in sorted({axes.first, axes.last})],
        y_ticks=[Tick(axes.y(value), f"{value:g}") for value in ticks],
    )


def _curve(fold: int, epochs: list[dict[str, Any]], measure: str, axes: _Axes) -> Curve:
    validated = [row for row in epochs if math.isfinite(row["val_loss"])]
    # The weights of the lowest validation loss are kept, whatever the chart shows.
    best = min(validated, key=lambda row: row["val_loss"], default=None)
    at = math.nan if best is None else best[f"val_{measure}"]
    shown = best is not None and math.isfinite(at)
    return Curve(
        fold=fold,
        training=axes.polyline(epochs, measure),
        validation=axes.polyline(epochs, f"val_{measure}"),
        best_x=axes.x(best["epoch"]) if best is not None and shown else None,
        best_y=axes.y(at) if shown else None,
        best=f"epoch {best['epoch']:.0f}: {at:.2f}" if best is not None and shown else "no validation",
    )


@dataclass(frozen=True)
class Line:
    """The common line of several intervals: its marks, zero, and the intervals, in per cent of its length."""

    ticks: list[Tick]
    zero: float
    intervals: list[Interval]


def correlation_line(rows: list[dict[str, Any]], measure: str) -> Line:
    """`measure` of each row and its interval on a line that ends at 1 and begins low enough for all of them."""
    lowest = min(_known(rows, measure), default=0.0)
    start = max(-1.0, min(-0.25, math.floor(4 * lowest) / 4))
    return _line(rows, measure, start, 1.0)


def error_line(rows: list[dict[str, Any]], measure: str) -> Line:
    """`measure` of each row, which is not negative, and its interval on a line from 0 that is long enough."""
    return _line(rows, measure, 0.0, max(1.0, math.ceil(2 * max(_known(rows, measure), default=0.0)) / 2))


def _known(rows: list[dict[str, Any]], measure: str) -> list[float]:
    return [value for row in rows for value in _with_ends(row, measure) if math.isfinite(value)]


def _with_ends(row: dict[str, Any], measure: str) -> list[float]:
    return [float(row.get(f"{measure}{end}", math.nan)) for end in ("", "_low", "_high")]


def _line(rows: list[dict[str, Any]], measure: str, start: float, end: float) -> Line:
    def along(value: float) -> float | None:
        return round(100 * (value - start) / (end - start), 1) if math.isfinite(value) else None

    intervals = [Interval(*map(along, _with_ends(row, measure))) for row in rows]
    ticks = [Tick(float(along(value) or 0.0), f"{value:g}".replace("-", "−")) for value in sorted({start, 0.0, end})]
    return Line(ticks, float(along(0.0) or 0.0), intervals)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dict per row."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def nice_ticks(low: float, high: float) -> list[float]:
    """Three to six round values that enclose `low` and `high`."""
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    start, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(start, end + 1)]
