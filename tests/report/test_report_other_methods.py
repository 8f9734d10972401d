"""Deciles of areas by further methods and baselines, for the maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from report_run import FinishedRun
from streetdeciles.report import other_methods
from streetdeciles.report.other_methods import encoded, read_other_methods

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_other_methods_are_those_of_areas_besides_the_reports(spark: SparkSession, finished_run: FinishedRun) -> None:
    rows = read_other_methods(spark, finished_run.config, 360)
    expected = finished_run.area_predictions.query("method == 'decile_median'")
    keys = ["area_id", "outcome"]
    assert set(rows["method"]) == {"decile_median"}
    known, expected_deciles = (each.set_index(keys)["decile"].sort_index() for each in (rows, expected))
    pd.testing.assert_series_equal(known, expected_deciles)


def test_methods_that_would_make_the_page_too_large_are_left_out(
    spark: SparkSession, finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_methods, "MAX_DECILES", 359)
    assert read_other_methods(spark, finished_run.config, 360).empty


def test_deciles_are_encoded_with_their_halves() -> None:
    rows = pd.DataFrame(
        [("r", "a", "x", "median", 4.5), ("r", "c", "x", "median", 10), ("r", "a", "y", "median", np.nan)],
        columns=list(other_methods.COLUMNS),
    )
    assert encoded(rows, ["a", "b", "c"], ["x", "y"]) == {"median": {"x": b"\t\0\x14", "y": b"\0\0\0"}}
