"""Curves for a paper: losses by epoch, errors by the share of areas learned from, reliability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

ONE_COLUMN = 3.5
"""Inches."""

LINES = ("#1f5f8b", "#b8570b", "#4d7c3a", "#7a4f9a", "#7b8794")
"""Colours of the lines of a transfer's sources and regions, in turn."""


def learning(figure_of: Any, history: pd.DataFrame) -> Any:
    """The losses by epoch, one pair of lines per fold."""
    figure = figure_of(figsize=(ONE_COLUMN, 2.6))
    axes = figure.subplots()
    for _, fold in history.groupby("fold"):
        axes.plot(fold["epoch"], fold["loss"], color="#7b8794", linewidth=0.8, linestyle="--")
        axes.plot(fold["epoch"], fold["val_loss"], color="#b8570b", linewidth=0.8)
    axes.legend(["training", "validation"], frameon=False)
    axes.set(xlabel="epoch", ylabel="negative log-likelihood")
    return figure


def learning_curve(figure_of: Any, curve: pd.DataFrame) -> Any:
    """Held-out error by the share of areas that models learned from; bars from the lowest to the highest fold."""
    figure = figure_of(figsize=(ONE_COLUMN, 2.6))
    axes = figure.subplots()
    _errors_by_share(axes, curve, sorted(curve["share"]), colour=LINES[0])
    axes.set(xlabel="share of the areas, %", ylabel="mean error, in deciles", ylim=(0, None))
    return figure


def transfer(figure_of: Any, rows: pd.DataFrame) -> Any:
    """Error by the share of the region that models from elsewhere learned from, with 95 % intervals."""
    figure = figure_of(figsize=(ONE_COLUMN, 2.6))
    axes = figure.subplots()
    shares = sorted(rows["share"].unique())
    for number, ((source, region), line) in enumerate(rows.groupby(["source", "region"])):
        colour = LINES[number % len(LINES)]
        _errors_by_share(axes, line.sort_values("share"), shares, colour=colour, label=f"{source} to {region}")
    axes.legend(frameon=False)
    axes.set(xlabel="share of the region's areas, %", ylabel="mean error, in deciles", ylim=(0, None))
    return figure


def _errors_by_share(axes: Any, rows: pd.DataFrame, shares: list[float], *, colour: str, label: str = "") -> None:
    """A line through the errors; the places of `shares` are not to scale, because most of them are small."""
    mae, low, high = (rows[name].to_numpy(float, na_value=np.nan) for name in ("mae", "mae_low", "mae_high"))
    places = [shares.index(share) for share in rows["share"]]
    ends = np.vstack([mae - low, high - mae])
    axes.errorbar(places, mae, ends, color=colour, label=label, marker="o", markersize=3, linewidth=1, capsize=2)
    axes.set_xticks(range(len(shares)), [f"{100 * share:g}" for share in shares])


def reliability(figure_of: Any, rows: pd.DataFrame) -> Any:
    """One line per region: before calibration grey and dashed, after it orange."""
    figure = figure_of(figsize=(ONE_COLUMN, ONE_COLUMN))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for (_, calibrated), points in rows.groupby(["region", "calibrated"]):
        looks = {"color": "#b8570b"} if calibrated else {"color": "#7b8794", "linestyle": "--"}
        label = "after calibration" if calibrated else "before calibration"
        axes.plot(points["predicted"], points["observed"], marker="o", markersize=3, linewidth=1, label=label, **looks)
    labels = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))  # each once, of however many regions
    axes.legend(labels.values(), labels.keys(), frameon=False)
    axes.set(xlabel="probability of the most probable decile", ylabel="share that is true", aspect="equal")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    return figure
