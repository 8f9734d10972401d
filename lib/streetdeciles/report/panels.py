"""One panel per outcome and region: matrices, measures, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from streetdeciles.methods import (
    AREA,
    BASELINES,
    LEVEL_TITLES,
    MAIN_MEASURES,
    MEDIAN,
    METHOD_TITLES,
    NETWORK,
    PREDICTION,
)
from streetdeciles.report import charts
from streetdeciles.report.by_decile import Bars, Scatter, mean_errors, scatter
from streetdeciles.report.calibration import Calibration, calibration
from streetdeciles.report.charts import Curves, Line, Matrix
from streetdeciles.report.folds import FoldRow, count_folds
from streetdeciles.report.worst import Worst, worst_areas

if TYPE_CHECKING:
    import pandas as pd

    from streetdeciles.config import RunConfig
    from streetdeciles.report.collect import Findings
    from streetdeciles.report.region_map import RegionMap

MEASURE_TITLES = {
    "mae": ("Error", "mean absolute error in deciles; lower is better"),
    "accuracy": ("Exact", "share whose decile is the true one"),
    "within_1": ("Within one", "share at most one decile off"),
    "kappa": ("Kappa", "Cohen's kappa with quadratic weights"),
    "pearson": ("Pearson", "linear correlation"),
    "spearman": ("Spearman", "rank correlation"),
    "kendall": ("Kendall", "rank correlation by pairs (tau-b)"),
}

SHARES = ("accuracy", "within_1")


@dataclass(frozen=True)
class Measure:
    """A measure as text, with the ends of its 95 % interval."""

    value: str
    interval: str


@dataclass(frozen=True)
class MetricsRow:
    level: str
    label: str
    n: int
    measures: list[Measure]
    is_baseline: bool
    is_mapped: bool


@dataclass(frozen=True)
class Beside:
    """The network's error on areas beside that of a baseline; `difference` is negative where the network is better."""

    baseline: str
    error: Measure
    difference: Measure
    verdict: str


@dataclass(frozen=True)
class Panel:
    """Everything about one outcome in one region. `at`: the positions of both in the lists of the page."""

    region: str
    outcome: str
    at: tuple[int, int]
    areas: Matrix | None
    locations: Matrix | None
    metrics: list[list[MetricsRow]]
    """The rows of each level."""
    curves: list[Curves]
    headline: dict[str, Measure]
    """Measures of the areas by the report's method, and `baseline_<measure>` of the median baseline."""
    beside: list[Beside]
    errors: Line
    """The errors of the models and then of each baseline in `beside`, on one line."""
    scatter: Scatter | None
    mean_errors: Bars | None
    worst: Worst
    folds: list[FoldRow]
    calibration: Calibration | None
    shown: dict[str, Any]
    """The row of `metrics` for the areas by the report's method; empty if there is none."""


def make_panel(
    findings: Findings, config: RunConfig, region_map: RegionMap, outcome: str, at: tuple[int, int]
) -> Panel:
    region = region_map.region

    def here(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[(frame["region"] == region) & (frame["outcome"] == outcome)]

    metrics, areas = here(findings.metrics), here(findings.areas)
    history = findings.history[findings.history["outcome"] == outcome]
    curves = (
        charts.learning_curves(history, "loss", "Loss (negative log-likelihood)"),
        charts.learning_curves(history, "mae", "Mean absolute error, in deciles"),
    )
    shown = _the_row(metrics, level=AREA, method=config.report.method)
    baseline = _the_row(metrics, level=AREA, method=MEDIAN)
    headline = {name: _measure(shown, name) for name in MAIN_MEASURES}
    headline |= {f"baseline_{name}": _measure(baseline, name) for name in MAIN_MEASURES}
    beside = here(findings.comparisons)
    beside = beside[(beside["level"] == AREA) & (beside["method"] == config.report.method)]
    return Panel(
        region=region,
        outcome=outcome,
        at=at,
        areas=charts.confusion_matrix(areas.assign(n=1)),
        locations=charts.confusion_matrix(here(findings.confusion)),
        metrics=_metrics_rows(metrics, config),
        curves=[curve for curve in curves if curve is not None],
        headline=headline,
        beside=_beside(beside),
        errors=_errors(metrics, shown, beside),
        scatter=scatter(areas, region_map.area_ids),
        mean_errors=mean_errors(here(findings.breakdowns), config.report.method),
        worst=worst_areas(metrics, areas, region_map.area_ids, config.report.method),
        folds=count_folds(areas),
        calibration=calibration(here(findings.calibration)),
        shown=shown,
    )


def _metrics_rows(metrics: pd.DataFrame, config: RunConfig) -> list[list[MetricsRow]]:
    """One row per level and method: areas first, methods in the order of the config, then baselines."""
    order = {name: i for i, name in enumerate([*config.aggregation.methods, PREDICTION, *BASELINES])}
    levels = list(LEVEL_TITLES)
    sorted_rows = charts.records(metrics)
    sorted_rows.sort(key=lambda row: (levels.index(row["level"]), order.get(row["method"], len(order)), row["model"]))
    rows = [
        MetricsRow(
            level=LEVEL_TITLES[row["level"]],
            label=METHOD_TITLES.get(row["method"], row["method"]),
            n=int(row["n"]),
            measures=[_measure(row, name) for name in MAIN_MEASURES],
            is_baseline=row["model"] != NETWORK,
            is_mapped=row["level"] == AREA and row["method"] == config.report.method,
        )
        for row in sorted_rows
    ]
    return [list(group) for _, group in groupby(rows, key=lambda row: row.level)]


def _beside(comparisons: pd.DataFrame) -> list[Beside]:
    return [
        Beside(
            METHOD_TITLES[row["baseline"]],
            _measure(row, "baseline_mae"),
            _measure(row, "difference"),
            row["verdict"] or "",
        )
        for row in _in_order(comparisons)
    ]


def _errors(metrics: pd.DataFrame, shown: dict[str, Any], comparisons: pd.DataFrame) -> Line:
    """The errors with the intervals of the table metrics; a baseline that it lacks has none."""
    baselines = [
        {"mae": row["baseline_mae"], **_the_row(metrics, level=AREA, method=row["baseline"])}
        for row in _in_order(comparisons)
    ]
    return charts.error_line([shown, *baselines], "mae")


def _in_order(comparisons: pd.DataFrame) -> list[dict[str, Any]]:
    return sorted(charts.records(comparisons), key=lambda row: BASELINES.index(row["baseline"]))


def _the_row(metrics: pd.DataFrame, *, level: str, method: str) -> dict[str, Any]:
    rows = charts.records(metrics[(metrics["level"] == level) & (metrics["method"] == method)])
    return rows[0] if rows else {}


def _measure(row: Mapping[str, Any], name: str) -> Measure:
    def text(key: str) -> str:
        value = row.get(key)
        if value is None or not math.isfinite(value):
            return ""
        return f"{100 * value:.0f} %" if name in SHARES else f"{value:.2f}".replace("-", "−")

    low, high = text(f"{name}_low"), text(f"{name}_high")
    between = f"{low.removesuffix(' %')} to {high}" if low and high else ""
    return Measure(text(name) or "–", between)
