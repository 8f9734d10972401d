"""The measures of several runs on the areas that all of them predict, with paired differences: frames in, rows out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streetdeciles.errors import RunRefused
from streetdeciles.evaluation.bootstrap import Sampled, drawn_units, interval_of, sample_measures
from streetdeciles.methods import MEASURES
from streetdeciles.studies.finished_runs import FinishedRun
from streetdeciles.wording import counted

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = 1000
SMALLER_IS_BETTER = ("mae", "rmse")
BETTER, WORSE, UNCLEAR = "better", "worse", "unclear"

KEY = ["region", "outcome", "area_id"]


class ComparedMeasure(NamedTuple):
    """A measure of one run over `areas` common areas, and its difference from that of the first run.

    Ends of 95 % intervals have `_low` and `_high`; what is not defined is None, as is the difference of the first run.
    `verdict`: BETTER or WORSE than the first run if the interval of the difference leaves out 0, else UNCLEAR.
    """

    region: str
    outcome: str
    measure: str
    run: str
    areas: int
    value: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    verdict: str | None


@dataclass(frozen=True)
class Comparison:
    """`rows` by region, outcome, measure and run; `notes` say what they are about."""

    rows: list[ComparedMeasure]
    notes: list[str]


def compare_runs(runs: Sequence[FinishedRun]) -> Comparison:
    """Compare each run with the first, area by area, in random samples of the areas that all runs predict.

    Samples consist of blocks if a run has them, because areas in a block are alike.

    Raises:
        RunRefused: an area has different deciles in two runs, or the runs have no area and outcome in common.
    """
    first, *others = runs
    common = first.areas.rename(columns={"predicted_decile": first.name})
    for run in others:
        joined = common.merge(run.areas[[*KEY, "true_decile", "predicted_decile"]], on=KEY, suffixes=("", "_other"))
        _refuse_other_labels(joined, first.name, run.name)
        common = joined.drop(columns="true_decile_other").rename(columns={"predicted_decile": run.name})
    if common.empty:
        raise RunRefused(
            f"runs {', '.join(run.name for run in runs)}: no region, outcome and area in common; compare runs over the "
            "same region"
        )
    blocks = next((run.blocks for run in runs if run.blocks is not None), None)
    common["drawn"] = common["area_id"]
    if blocks is not None:
        of_areas = common["area_id"].map(blocks).fillna(-1).astype(int)
        common["drawn"] = drawn_units(common["area_id"], of_areas)
    rows = [
        row
        for (region, outcome), group in common.groupby(["region", "outcome"], sort=True)
        for row in _compare_group(str(region), str(outcome), group, [run.name for run in runs])
    ]
    return Comparison(rows, _notes(runs, common, has_blocks=blocks is not None))


def _refuse_other_labels(joined: pd.DataFrame, first: str, other: str) -> None:
    differ = joined[joined["true_decile"] != joined["true_decile_other"]]
    if not differ.empty:
        row = differ.sort_values(KEY).iloc[0]
        raise RunRefused(
            f"runs {first} and {other} have different labels: {row['outcome']} of area {row['area_id']} is decile "
            f"{row['true_decile']:.0f} in {first} and {row['true_decile_other']:.0f} in {other}, and "
            f"{len(differ) - 1} more differ; compare runs with the same tables and regions"
        )


def _compare_group(region: str, outcome: str, areas: pd.DataFrame, runs: Sequence[str]) -> list[ComparedMeasure]:
    cells = areas.sort_values("area_id").melt(
        ["area_id", "true_decile", "drawn"], [*runs], var_name="method", value_name="predicted_decile"
    )
    random = np.random.default_rng(zlib.crc32(f"{region}/{outcome}".encode()))
    sampled = sample_measures(cells.assign(n=1), samples=SAMPLES, random=random)
    return [
        ComparedMeasure(region, outcome, measure, run, len(areas), *_beside(measure, sampled[run], sampled[runs[0]]))
        if run != runs[0]
        else ComparedMeasure(region, outcome, measure, run, len(areas), *_alone(measure, sampled[run]), *[None] * 4)
        for measure in MEASURES
        for run in runs
    ]


def _alone(measure: str, run: Sampled) -> tuple[float | None, float | None, float | None]:
    value = run.values[measure]
    return (None, None, None) if np.isnan(value) else (value, *interval_of(run.drawn[measure]))


def _beside(
    measure: str, run: Sampled, first: Sampled
) -> tuple[float | None, float | None, float | None, float | None, float | None, float | None, str | None]:
    difference = run.values[measure] - first.values[measure]
    if np.isnan(difference):
        return *_alone(measure, run), None, None, None, None
    low, high = interval_of(run.drawn[measure] - first.drawn[measure])
    return *_alone(measure, run), difference, low, high, _verdict(measure, low, high)


def _verdict(measure: str, low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None
    if low <= 0 <= high:
        return UNCLEAR
    return BETTER if (high < 0) == (measure in SMALLER_IS_BETTER) else WORSE


def _notes(runs: Sequence[FinishedRun], common: pd.DataFrame, *, has_blocks: bool) -> list[str]:
    n_common = common["area_id"].nunique()
    notes = [f"{n_common:,} areas are in all runs"]
    for run in runs:
        notes.append(f"{run.name} has {counted(run.areas['area_id'].nunique(), 'measured area')}")
    for run in runs:
        outcomes = sorted({*run.areas["outcome"]} - {*common["outcome"]})
        if outcomes:
            notes.append(f"not in all runs, so not compared: {', '.join(outcomes)} ({run.name})")
    if has_blocks:
        n_blocks = common["drawn"].nunique()
        notes.append(f"intervals are from random samples of {n_blocks} blocks, because areas in a block are alike")
    return notes
