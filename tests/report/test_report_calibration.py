"""The reliability curve and the coverage of an outcome, from rows of the table calibration."""

from __future__ import annotations

import pandas as pd

from streetdeciles.report.by_decile import LEFT, RIGHT, WIDTH, height
from streetdeciles.report.calibration import calibration
from streetdeciles.tables import CALIBRATION

ROWS = [
    ("location", True, "reliability", 7, 0.75, 0.5, 10, None),
    ("location", True, "reliability", 2, 0.25, 0.25, 30, None),
    ("location", False, "coverage", 50, 0.55, 0.41, 40, 2.25),
    ("location", True, "coverage", 50, 0.55, 0.52, 40, 3.0),
    ("location", True, "expected_calibration_error", 0, None, 0.0625, 40, None),
    ("area", True, "coverage", 80, 0.8, 0.82, 12, 4.6),
]


def rows() -> pd.DataFrame:
    return pd.DataFrame([("a", "imd", *row) for row in ROWS], columns=list(CALIBRATION.columns))


def test_reliability_curve_joins_what_is_predicted_and_what_is_true() -> None:
    chart = calibration(rows())
    assert chart is not None
    before, after = chart.curves
    assert (before.points, before.error) == ("", "–")
    side = WIDTH - LEFT - RIGHT
    places = [(LEFT + 0.25 * side, height(0.25, (0, 1))), (LEFT + 0.75 * side, height(0.5, (0, 1)))]
    assert [dot[:2] for dot in after.dots] == places
    assert after.dots[1][2] == "predicted 0.75, true 0.50, 10 locations"
    assert after.error == "0.062"


def test_coverage_is_shown_before_and_after_and_for_areas() -> None:
    chart = calibration(rows())
    assert chart is not None
    assert [(row.what, row.nominal, row.before, row.after) for row in chart.coverage] == [
        ("sets of single locations", 50, "41 %, 2.2 deciles", "52 %, 3.0 deciles"),
        ("intervals of areas", 80, "", "82 %, 4.6 deciles"),
    ]


def test_run_without_calibration_has_no_curve() -> None:
    assert calibration(rows().head(0)) is None
