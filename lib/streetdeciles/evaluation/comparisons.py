"""The network beside the baselines on the same areas: differences with intervals, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.evaluation.bootstrap import interval_of_mean
from streetdeciles.methods import AREA, BASELINES, MEDIAN, NETWORK
from streetdeciles.wording import counted, listed

if TYPE_CHECKING:
    import pandas as pd

MAX_NAMED = 5
"""The maximum number of outcomes and regions in one note."""

MAX_COLUMNS = 80
"""The width of a terminal that is not wide."""

BETTER, EQUAL, WORSE = "better than", "not distinguishable from", "worse than"


def baseline_cells(cells: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Cells of the baselines, for the locations or areas counted in `cells` (see `bootstrap.measure`).

    A baseline is measured wherever at least one method predicts.

    Args:
        cells: those of one region, outcome and level.
        predicted: `area_id`, `model` and `decile` of the baselines, for the same region and outcome.
    """
    of_method = cells.groupby(["method", "area_id", "true_decile"], as_index=False)["n"].sum()
    truth = of_method.groupby(["area_id", "true_decile"], as_index=False)["n"].max()
    renamed = predicted[["area_id", "model", "decile"]].rename(
        columns={"model": "method", "decile": "predicted_decile"}
    )
    merged: pd.DataFrame = truth.merge(renamed, on="area_id")
    return merged


def compare(cells: pd.DataFrame, method: str, *, samples: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """The mean absolute error of `method` less that of each baseline, on the areas that both predict.

    The interval is of the difference itself, area by area, in many random samples of the areas: it can be clear which
    of two is better although their own intervals overlap.

    Args:
        cells: for one region and outcome: `method`, `area_id`, `true_decile`, `predicted_decile` and `drawn`, what
            samples consist of; one row per area and method, baselines among them.
        method: the method of the network.
        samples: the number of samples; 0 for no intervals and no verdict.
        random: the generator of the samples.
    """
    errors = (cells["predicted_decile"] - cells["true_decile"]).abs()
    by_area = (
        cells.assign(error=errors).pivot(index=["area_id", "drawn"], columns="method", values="error").sort_index()
    )
    rows = []
    for baseline in BASELINES:
        if method not in by_area or baseline not in by_area:
            continue
        both = by_area[[method, baseline]].dropna()
        of_network, of_baseline = both.to_numpy(np.float64).T
        drawn = both.index.get_level_values("drawn").factorize(sort=True)[0]
        low, high = interval_of_mean(of_network - of_baseline, drawn, samples, random)
        rows.append(
            {
                "method": method,
                "baseline": baseline,
                "n": len(both),
                "mae": float(of_network.mean()),
                "baseline_mae": float(of_baseline.mean()),
                "difference": float((of_network - of_baseline).mean()),
                "difference_low": low,
                "difference_high": high,
                "verdict": _verdict(low, high),
            }
        )
    return rows


def _verdict(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None
    return BETTER if high < 0 else WORSE if low > 0 else EQUAL


def describe(metrics: pd.DataFrame, comparisons: pd.DataFrame, method: str) -> list[str]:
    """One line per region and outcome: the network's error on areas, those of the baselines, and who is better.

    E.g. "imd in bury: MAE 1.60 (1.39–1.81), baselines: median 2.50, ridge 1.70; better than all of them".

    Args:
        metrics, comparisons: rows of these tables.
        method: the network's method of aggregation.
    """
    lines = []
    for name, error, beside in _errors(metrics, comparisons, method):
        text = f"{name}: {error}"
        if len(beside):
            text += ", baselines: " + ", ".join(f"{model} {mae:.2f}" for model, mae in beside["baseline_mae"].items())
            text += _in_words(beside["verdict"])
        lines.append(text)
    return lines


def summarise(metrics: pd.DataFrame, comparisons: pd.DataFrame, method: str) -> list[str]:
    """`describe` in lines of at most MAX_COLUMNS characters, e.g. "imd in bury: MAE 1.60 (1.39–1.81); beats 3 of
    4 baselines"."""
    lines = []
    for name, error, beside in _errors(metrics, comparisons, method):
        n_better = int((beside["verdict"] == BETTER).sum())
        text = f": {error}"
        if beside["verdict"].notna().any():
            text += f"; beats {n_better} of {counted(len(beside), 'baseline')}"
        room = MAX_COLUMNS - len(text)
        lines.append((name if len(name) <= room else f"{name[: room - 1]}…") + text)
    return lines


def _errors(metrics: pd.DataFrame, comparisons: pd.DataFrame, method: str) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """For each region and outcome its name, the network's error on areas, and the comparisons, in BASELINES' order."""
    areas = metrics[(metrics["level"] == AREA) & (metrics["method"] == method) & (metrics["model"] == NETWORK)]
    for row in areas.sort_values(["region", "outcome"]).to_dict("records"):
        is_same = (comparisons["region"] == row["region"]) & (comparisons["outcome"] == row["outcome"])
        beside = comparisons[is_same & (comparisons["method"] == method)].set_index("baseline")
        error = f"MAE {row['mae']:.2f}"
        if row["mae_low"] == row["mae_low"] and row["mae_low"] is not None:
            error += f" ({row['mae_low']:.2f}–{row['mae_high']:.2f})"
        known = [name for name in BASELINES if name in beside.index]
        yield f"{row['outcome']} in {row['region']}", error, beside.reindex(known)


def _in_words(verdicts: pd.Series[str]) -> str:
    """E.g. "; better than median and ridge, not distinguishable from neighbours"; empty without verdicts."""
    groups = {word: [str(name) for name in verdicts.index[verdicts == word]] for word in (BETTER, EQUAL, WORSE)}
    clauses = []
    for word, names in groups.items():
        if names:
            is_all = len(names) == len(verdicts) > 1
            clauses.append(f"{word} {('any' if word == EQUAL else 'all') + ' of them' if is_all else listed(names)}")
    return f"; {', '.join(clauses)}" if clauses else ""


def worse_than_median(metrics: pd.DataFrame, method: str) -> str:
    """A note on the outcomes and regions whose areas `method` predicts worse than the median; empty if there are none.

    `metrics` has the columns of the table metrics; the comparison is by mean absolute error.
    """
    keys = ["region", "outcome"]
    areas = metrics[metrics["level"] == AREA].set_index(keys)
    both = areas.loc[areas["method"] == method, ["mae"]].join(
        areas.loc[areas["method"] == MEDIAN, "mae"].rename("of_median"), how="inner"
    )
    worse = both[both["mae"] > both["of_median"]].sort_index()
    if worse.empty:
        return ""
    named = [
        f"{outcome} in {region} ({row.mae:.2f} against {row.of_median:.2f})"
        for (region, outcome), row in zip(worse.index, worse.itertuples(), strict=True)
    ]
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return (
        f"the network is worse than predicting the median decile for every area, by mean absolute error, for "
        f"{', '.join(named[:MAX_NAMED])}{more}: do not use these predictions; use more locations, "
        "or settings for few (docs/training.md)"
    )
