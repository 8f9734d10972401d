"""One panel per outcome and region: matrices, measures, curves, and the values of its map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
from streetdeciles.report.charts import Curves, Matrix
from streetdeciles.report.colours import decile_class
from streetdeciles.report.plates import plate

if TYPE_CHECKING:
    import pandas as pd

    from streetdeciles.config import RunConfig
    from streetdeciles.report.collect import Findings
    from streetdeciles.report.maps import AreaMap, Outline

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
    shown: dict[str, Any]
    """The row of `metrics` for the areas by the report's method; empty if there is none."""


@dataclass(frozen=True)
class RegionMap:
    """A region's map and the values that go on it.

    `area_ids`, `names` and `n_located` (locations in each area) begin with the areas of `drawn`, in its order;
    `values` are by outcome and in this order: true_decile, national_decile, decile (None = not known) and n_locations.
    """

    region: str
    drawn: AreaMap | None
    area_ids: list[str]
    names: list[str]
    n_located: list[int]
    values: dict[str, dict[str, list[float | None]]]

    @property
    def not_drawn(self) -> int:
        return len(self.area_ids) - (len(self.drawn.polygons) if self.drawn else 0)

    def plate(self, outcome: str, kind: str) -> str:
        """The map of the outcome's `true` or `predicted` deciles, as the source of an <img>."""
        assert self.drawn is not None
        return plate(self.drawn, [decile_class(decile) for decile in self.values[outcome][kind]])


def make_panel(findings: Findings, config: RunConfig, region: str, outcome: str, at: tuple[int, int]) -> Panel:
    def here(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[(frame["region"] == region) & (frame["outcome"] == outcome)]

    metrics = here(findings.metrics)
    history = findings.history[findings.history["outcome"] == outcome]
    curves = (
        charts.learning_curves(history, "loss", "Loss (negative log-likelihood)"),
        charts.learning_curves(history, "mae", "Mean absolute error, in deciles"),
    )
    shown = _the_row(metrics, level=AREA, method=config.report.method)
    baseline = _the_row(metrics, level=AREA, method=MEDIAN)
    headline = {name: _measure(shown, name) for name in MAIN_MEASURES}
    headline |= {f"baseline_{name}": _measure(baseline, name) for name in MAIN_MEASURES}
    return Panel(
        region=region,
        outcome=outcome,
        at=at,
        areas=charts.confusion_matrix(here(findings.areas).assign(n=1)),
        locations=charts.confusion_matrix(here(findings.confusion)),
        metrics=_metrics_rows(metrics, config),
        curves=[curve for curve in curves if curve is not None],
        headline=headline,
        beside=_beside(here(findings.comparisons), config.report.method),
        shown=shown,
    )


def make_region_map(
    areas: pd.DataFrame, outlines: Mapping[str, Outline], drawn: AreaMap | None, region: str, outcomes: Sequence[str]
) -> RegionMap:
    """`areas`: the findings' rows of this region; areas without an outline come after the drawn ones."""
    on_map = list(drawn.polygons) if drawn else []
    area_ids = on_map + sorted(set(areas["area_id"]) - set(on_map))
    values: dict[str, dict[str, list[float | None]]] = {}
    for outcome in outcomes:
        rows = areas[areas["outcome"] == outcome].set_index("area_id").reindex(area_ids)
        values[outcome] = {
            "true": [_known(value) for value in rows["true_decile"].tolist()],
            "national": [_known(value) for value in rows["national_decile"].tolist()],
            "predicted": [_known(value) for value in rows["decile"].tolist()],
            "n": [_known(value) or 0 for value in rows["n_locations"].tolist()],
        }
    names = [outlines[area_id].name if area_id in outlines else "" for area_id in area_ids]
    located = areas.groupby("area_id")["n_located"].first().reindex(area_ids).fillna(0)
    return RegionMap(region, drawn, area_ids, names, [int(n) for n in located], values)


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


def _beside(comparisons: pd.DataFrame, method: str) -> list[Beside]:
    rows = charts.records(comparisons[(comparisons["level"] == AREA) & (comparisons["method"] == method)])
    return [
        Beside(
            METHOD_TITLES[row["baseline"]],
            _measure(row, "baseline_mae"),
            _measure(row, "difference"),
            row["verdict"] or "",
        )
        for row in sorted(rows, key=lambda row: BASELINES.index(row["baseline"]))
    ]


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


def _known(value: float | None) -> float | None:
    """NaN as None, and whole numbers without a fraction, which is shorter in the page."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(value)
