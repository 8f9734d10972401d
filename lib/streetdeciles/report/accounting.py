"""How much of the inputs was used: the figures at the top, and the steps from photographs to areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.methods import IMPORTED_VIEWS
from streetdeciles.report.collect import Findings
from streetdeciles.splits.split import ReportWords

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Step:
    """A step from photographs to areas: `n` of `of` got through it; `lost` says what happened to the others."""

    what: str
    n: int
    of: int
    lost: str


def tiles(findings: Findings, regions: Sequence[str], split: ReportWords, inputs: str) -> list[tuple[str, str]]:
    """The figures at the top, each with what it counts. `regions`: their titles; `inputs`: as for `funnel`."""
    where = f"in {regions[0]}" if len(regions) == 1 else f"in {len(regions)} regions"
    areas, counts = _has_prediction(findings), findings.counts
    n_outcomes = findings.areas["outcome"].nunique()
    return [
        _tile(int(areas.sum()), len(areas), f"areas {where}", "predicted"),
        _tile(counts["predicted"], counts["locations"], "locations", "predicted"),
        _tile(counts["photographs"] - counts["rejects"], counts["photographs"], inputs, "used"),
        (f"{n_outcomes}", "outcome" if n_outcomes == 1 else "outcomes"),
        *([split.figure] if split.figure else []),
    ]


def funnel(findings: Findings, inputs: str) -> list[Step]:
    """The steps from `inputs` (`photographs`, or `imported views`) to predicted areas."""
    counts, areas = findings.counts, _has_prediction(findings)
    n = counts["photographs"]
    what, lost = (f"{inputs} used", "not used") if inputs == IMPORTED_VIEWS else (f"{inputs} with features", "rejected")
    first = Step(what, n - counts["rejects"], n, lost)
    located = findings.areas.groupby(["region", "area_id"])["n_located"].first() > 0
    return [
        first,
        Step("locations predicted", counts["predicted"], counts["locations"], "without prediction"),
        Step("areas with locations", int(located.sum()), len(areas), f"without {inputs}"),
        Step("areas predicted", int(areas.sum()), len(areas), "without prediction"),
    ]


def _tile(n: int, of: int, what: str, done: str) -> tuple[str, str]:
    return f"{n:,}", f"{what}, all {done}" if n == of else f"of {of:,} {what} {done}"


def _has_prediction(findings: Findings) -> pd.Series:
    """Whether each area of each region has a prediction of some outcome."""
    predicted: pd.Series = findings.areas.groupby(["region", "area_id"])["decile"].count() > 0
    return predicted
