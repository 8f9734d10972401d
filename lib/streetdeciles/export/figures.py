"""Figures for a paper, by matplotlib: one folder with each figure as SVG, PDF and PNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.export import curves
from streetdeciles.export.curves import ONE_COLUMN
from streetdeciles.report.colours import DECILE_COLOURS, NOT_KNOWN

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = ("svg", "pdf", "png")

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
    "svg.fonttype": "none",  # texts stay texts
    "svg.hashsalt": "streetdeciles",  # the same figure is the same file
    "pdf.fonttype": 42,
}

TWO_COLUMNS = 7.2
"""Inches."""

MAX_VECTORS = 5000
"""Maps of more polygons are pictures within the SVG and the PDF: as shapes they would be too large to open."""

TICKS = range(1, 11)


def has_matplotlib() -> bool:
    return find_spec("matplotlib") is not None


def write_figures(
    areas: pd.DataFrame,
    shapes: Any,
    tables: Mapping[str, pd.DataFrame],
    *,
    titles: dict[str, str],
    out: Path,
) -> list[Path]:
    """Write the figures of each outcome to the folder `out`; returns the files.

    Args:
        areas: rows of `export.areas.wide_areas`.
        shapes: their polygons in WGS84, in the same order (None where there is none); None without boundaries.
        tables: `history` (models/history.csv), `calibration` and `transfer` (the tables), and `learning_curve`
            (report.learning_curve); each may be empty.
        titles: of the outcomes, by name.
        out: is made if needed.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    out.mkdir(exist_ok=True)
    files = []
    with mpl.rc_context(STYLE):
        for outcome, title in titles.items():
            of_outcome = {name: frame[frame["outcome"] == outcome] for name, frame in tables.items()}
            figures = chain(_of_areas(areas, shapes, outcome, Figure), _of_tables(of_outcome, Figure))
            for name, figure in figures:
                figure.suptitle(title, fontsize=9)
                for ending in ENDINGS:
                    files.append(out / f"{outcome}_{name}.{ending}")
                    stamp = {"Date": None} if ending == "svg" else {"CreationDate": None} if ending == "pdf" else None
                    figure.savefig(files[-1], metadata=stamp)
    return files


def _of_areas(areas: pd.DataFrame, shapes: Any, outcome: str, figure_of: Any) -> Iterator[tuple[str, Any]]:
    true, predicted = (areas[f"{outcome}_{name}"].to_numpy(float, na_value=np.nan) for name in ("actual", "predicted"))
    known = np.isfinite(true) & np.isfinite(predicted)
    if shapes is not None:
        yield "maps", _maps(figure_of, shapes, true, predicted)
        yield "differences", _differences(figure_of, shapes, predicted - true)
    if known.any():
        yield "confusion", _confusion(figure_of, true[known], predicted[known])
        yield "scatter", _scatter(figure_of, true[known], predicted[known])


def _of_tables(tables: Mapping[str, pd.DataFrame], figure_of: Any) -> Iterator[tuple[str, Any]]:
    """The figures of an outcome's rows in the tables, of those that have any."""
    if len(tables["history"]):
        yield "learning", curves.learning(figure_of, tables["history"])
    if len(tables["learning_curve"]):
        yield "learning_curve", curves.learning_curve(figure_of, tables["learning_curve"])
    if len(tables["transfer"]):
        yield "transfer", curves.transfer(figure_of, tables["transfer"])
    calibration = tables["calibration"]
    reliability = calibration[calibration["measure"] == "reliability"]
    if len(reliability):
        yield "calibration", curves.reliability(figure_of, reliability.sort_values("bin"))


def _maps(figure_of: Any, shapes: Any, true: Any, predicted: Any) -> Any:
    from matplotlib.colors import ListedColormap

    figure = figure_of(figsize=(TWO_COLUMNS, 4.2))
    colours = ListedColormap(DECILE_COLOURS)
    for axes, values, title in zip(
        figure.subplots(1, 2), (true, predicted), ("Actual decile", "Predicted decile"), strict=True
    ):
        drawn = _draw(axes, shapes, values, colours, (0.5, 10.5))
        axes.set_title(title, fontsize=8)
    bar = figure.colorbar(drawn, ax=figure.axes, ticks=TICKS, orientation="horizontal", shrink=0.5, aspect=30)
    bar.set_label("1 = most deprived, 10 = least deprived")
    return figure


def _differences(figure_of: Any, shapes: Any, off: Any) -> Any:
    import matplotlib as mpl

    figure = figure_of(figsize=(ONE_COLUMN, 4.2))
    drawn = _draw(figure.subplots(), shapes, off, mpl.colormaps["PuOr"], (-4.5, 4.5))
    figure.colorbar(drawn, ax=figure.axes, orientation="horizontal", shrink=0.8).set_label(
        "predicted minus actual decile"
    )
    return figure


def _draw(axes: Any, shapes: Any, values: Any, colours: Any, limits: tuple[float, float]) -> Any:
    """The polygons in the colours of their values; one degree of longitude is as long as on the ground."""
    import shapely
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    patches, numbers = [], []
    for shape, value in zip(shapes, values, strict=True):
        for polygon in shapely.get_parts(shape) if shape is not None else ():
            rings = [Outline(shapely.get_coordinates(ring), closed=True) for ring in shapely.get_rings(polygon)]
            patches.append(PathPatch(Outline.make_compound_path(*rings)))
            numbers.append(value)
    drawn = PatchCollection(
        patches,
        cmap=colours.with_extremes(bad=NOT_KNOWN),
        edgecolor="white",
        linewidth=0.15,
        rasterized=len(patches) > MAX_VECTORS,
    )
    drawn.set_array(np.array(numbers))
    drawn.set_clim(*limits)
    axes.add_collection(drawn)
    west, south, east, north = shapely.total_bounds([shape for shape in shapes if shape is not None])
    axes.set(xlim=(west, east), ylim=(south, north), aspect=1 / np.cos(np.radians((south + north) / 2)))
    axes.set_axis_off()
    return drawn


def _confusion(figure_of: Any, true: Any, predicted: Any) -> Any:
    figure = figure_of(figsize=(ONE_COLUMN, ONE_COLUMN))
    axes = figure.subplots()
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (true.astype(int) - 1, np.rint(predicted).astype(int) - 1), 1)
    axes.imshow(counts, cmap="Blues")
    for row, column in np.argwhere(counts).tolist():
        dark = counts[row, column] > counts.max() / 2
        axes.text(
            column, row, counts[row, column], ha="center", va="center", color="white" if dark else "black", fontsize=6
        )
    axes.set(xticks=range(10), yticks=range(10), xticklabels=TICKS, yticklabels=TICKS)
    axes.set(xlabel="predicted decile", ylabel="actual decile")
    return figure


def _scatter(figure_of: Any, true: Any, predicted: Any) -> Any:
    figure = figure_of(figsize=(ONE_COLUMN, ONE_COLUMN))
    axes = figure.subplots()
    random = np.random.default_rng(0)
    beside = random.uniform(-0.3, 0.3, (2, len(true)))  # deciles are whole: dots would hide each other
    axes.plot([1, 10], [1, 10], color="#999999", linewidth=0.8)
    axes.scatter(
        true + beside[0], predicted + beside[1], s=5, alpha=0.5, linewidths=0, color="#1f5f8b", rasterized=True
    )
    axes.set(xticks=TICKS, yticks=TICKS, xlabel="actual decile", ylabel="predicted decile", aspect="equal")
    return figure
