"""Whether the probabilities of an outcome are true: a reliability curve, and the coverage of sets of deciles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.methods import AREA, LOCATION
from streetdeciles.report.by_decile import LEFT, RIGHT, WIDTH, height
from streetdeciles.report.charts import Tick, records

if TYPE_CHECKING:
    import pandas as pd

WHOLE = 0.0, 1.0


@dataclass(frozen=True)
class Curve:
    """Observed against predicted probability, as the points of a polyline and its dots (x, y, description)."""

    is_calibrated: bool
    points: str
    dots: list[tuple[float, float, str]]
    error: str
    """The expected calibration error, or a dash."""


@dataclass(frozen=True)
class Coverage:
    """How many of the sets contain the true decile, of which `nominal` per cent should, and their mean size."""

    what: str
    nominal: int
    before: str
    after: str


@dataclass(frozen=True)
class Calibration:
    curves: list[Curve]
    coverage: list[Coverage]
    ticks: list[Tick]
    y_ticks: list[Tick]
    diagonal: str
    n: int


def calibration(rows: pd.DataFrame) -> Calibration | None:
    """From the rows of the table calibration for one outcome and region; None if there are none."""
    if rows.empty:
        return None
    located = rows[rows["level"] == LOCATION]
    marks = (0.0, 0.5, 1.0)
    return Calibration(
        curves=[_curve(located[located["calibrated"] == calibrated], calibrated) for calibrated in (False, True)],
        coverage=_coverages(rows[rows["measure"] == "coverage"]),
        ticks=[Tick(_along(mark), f"{mark:g}") for mark in marks],
        y_ticks=[Tick(height(mark, WHOLE), f"{mark:g}") for mark in marks],
        diagonal=f"{_along(0)},{height(0, WHOLE)} {_along(1)},{height(1, WHOLE)}",
        n=int(located["n"].max()) if len(located) else 0,
    )


def _along(value: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * value, 1)


def _curve(rows: pd.DataFrame, calibrated: bool) -> Curve:
    bins = records(rows[rows["measure"] == "reliability"].sort_values("bin"))
    places = [(_along(row["predicted"]), height(row["observed"], WHOLE)) for row in bins]
    errors = rows.loc[rows["measure"] == "expected_calibration_error", "observed"].dropna()
    return Curve(
        calibrated,
        " ".join(f"{x},{y}" for x, y in places),
        [(x, y, _description(row)) for (x, y), row in zip(places, bins, strict=True)],
        f"{errors.iloc[0]:.3f}" if len(errors) else "–",
    )


def _description(row: dict[str, Any]) -> str:
    return f"predicted {row['predicted']:.2f}, true {row['observed']:.2f}, {row['n']:,} locations"


def _coverages(rows: pd.DataFrame) -> list[Coverage]:
    texts = {(row["level"], row["bin"], bool(row["calibrated"])): _coverage(row) for row in records(rows)}
    keys = sorted({(level != LOCATION, level, nominal) for level, nominal, _ in texts})
    return [
        Coverage(
            "intervals of areas" if level == AREA else "sets of single locations",
            int(nominal),
            texts.get((level, nominal, False), ""),
            texts.get((level, nominal, True), ""),
        )
        for _, level, nominal in keys
    ]


def _coverage(row: dict[str, Any]) -> str:
    size = f", {row['size']:.1f} deciles" if row["size"] == row["size"] and row["size"] is not None else ""
    return f"{100 * row['observed']:.0f} %{size}"
