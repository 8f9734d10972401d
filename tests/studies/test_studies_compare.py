"""Runs beside each other on their common areas: values and paired differences, as text, Markdown and CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from small_tables import write_rows
from streetdeciles import run_log
from streetdeciles.cli import main
from streetdeciles.errors import RunRefused
from streetdeciles.run_log import StageReport
from streetdeciles.studies.comparison import ComparedMeasure, compare_runs
from streetdeciles.studies.finished_runs import FinishedRun, short_names
from streetdeciles.tables import AREA_PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

N = 60
TRUE = np.arange(N) % 10 + 1
NOISE = np.random.default_rng(4).integers(-2, 3, N)


def finished(name: str, predicted: object, *, true: object = TRUE, blocks: dict[str, int] | None = None) -> FinishedRun:
    frame = pd.DataFrame({"true_decile": true, "predicted_decile": predicted}).assign(region="town", outcome="imd")
    frame["area_id"] = [f"E{i:03d}" for i in range(len(frame))]
    return FinishedRun(name, frame, blocks)


def row_of(runs: list[FinishedRun], measure: str, run: str) -> ComparedMeasure:
    (row,) = [row for row in compare_runs(runs).rows if (row.measure, row.run) == (measure, run)]
    return row


def test_compare_measures_on_the_common_areas() -> None:
    near, far = np.clip(TRUE + NOISE, 1, 10), np.clip(TRUE + 3 * NOISE, 1, 10)
    short = finished("short", far[:40], true=TRUE[:40])
    row = row_of([finished("whole", near), short], "mae", "short")
    expected = [np.abs(values[:40] - TRUE[:40]).mean() for values in (near, far)]
    assert (row.areas, row.value, row.difference) == (40, expected[1], pytest.approx(expected[1] - expected[0]))
    assert row.verdict == "worse"
    first = row_of([finished("whole", near), short], "mae", "whole")
    assert (first.value, first.difference, first.verdict) == (expected[0], None, None)


def test_compare_intervals_are_of_paired_differences() -> None:
    """Runs that differ by the same in every area are told apart, although their own intervals overlap."""
    error = np.random.default_rng(1).integers(0, 4, N)
    a, b = finished("a", TRUE + error), finished("b", TRUE + error + 0.25)
    row, other = row_of([a, b], "mae", "b"), row_of([a, b], "mae", "a")
    assert (row.difference, row.difference_low, row.difference_high) == pytest.approx((0.25, 0.25, 0.25))
    assert other.high is not None
    assert row.low is not None
    assert row.low < other.high


def test_compare_knows_which_measures_should_be_large() -> None:
    good, bad = finished("good", TRUE), finished("bad", np.random.default_rng(2).permutation(TRUE))
    verdicts = {row.measure: row.verdict for row in compare_runs([bad, good]).rows if row.run == "good"}
    assert {verdicts[name] for name in ("mae", "rmse", "spearman", "accuracy", "recall_20")} == {"better"}


def test_compare_draws_blocks_where_a_run_has_them() -> None:
    """Errors that are the same in all areas of a block leave a wider interval than errors of single areas."""
    by_block = np.repeat(np.random.default_rng(3).integers(0, 4, 6), 10)
    blocks = {f"E{i:03d}": i // 10 for i in range(N)}
    by_areas = row_of([finished("a", TRUE), finished("b", TRUE + by_block)], "mae", "b")
    comparison = compare_runs([finished("a", TRUE), finished("b", TRUE + by_block, blocks=blocks)])
    (by_blocks,) = [row for row in comparison.rows if (row.measure, row.run) == ("mae", "b")]
    wide, narrow = (row.difference_high - row.difference_low for row in (by_blocks, by_areas))  # type: ignore[operator]
    assert wide > 1.5 * narrow
    assert "random samples of 6 blocks" in comparison.notes[-1]


def test_compare_refuses_other_labels() -> None:
    other = TRUE.copy()
    other[[3, 7]] = [9, 1]
    message = "runs a and b have different labels: imd of area E003 is decile 4 in a and 9 in b, and 1 more differ"
    with pytest.raises(RunRefused, match=message):
        compare_runs([finished("a", TRUE), finished("b", TRUE, true=other)])


def test_compare_refuses_runs_without_common_areas() -> None:
    other = finished("b", TRUE)
    other.areas["area_id"] = "W" + other.areas["area_id"]
    with pytest.raises(RunRefused, match="runs a, b: no region, outcome and area in common"):
        compare_runs([finished("a", TRUE), other])


def test_short_names_are_different() -> None:
    assert short_names(["/x/demo", "s3://y/demo_blocks/"]) == ["demo", "demo_blocks"]
    assert short_names(["/x/a/run", "/x/b/run", "/x/c"]) == ["a/run", "b/run", "x/c"]


def write_run(folder: Path, predicted: np.ndarray, outcome: str = "imd") -> str:
    rows = [
        ("town", "area", f"E{i:03d}", outcome, "decile_mean", 3, 0.0, float(predicted[i]), int(TRUE[i]))
        for i in range(N)
    ]
    folder.mkdir()
    write_rows(AREA_PREDICTIONS, rows, folder)
    (folder / "config.json").write_text(json.dumps({"report": {"method": "decile_mean"}}))
    run_log.record(str(folder), StageReport("aggregation"), "")
    return str(folder)


def test_compare_command_prints_and_writes_tables(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        write_run(tmp_path / "first", np.clip(TRUE + NOISE, 1, 10)),
        write_run(tmp_path / ("a name that is far too long for a table of 100 columns"), TRUE),
    ]
    assert main(["compare", *runs, "--out", str(tmp_path / "compare.csv")]) == 0
    assert main(["compare", *runs, "--out", str(tmp_path / "compare.md")]) == 0
    printed = capsys.readouterr().out
    mae = np.abs(np.clip(TRUE + NOISE, 1, 10) - TRUE).mean()
    assert "60 areas are in all runs\nfirst has 60 measured areas\n…ng for a table of 100 columns has 60" in printed
    assert "imd in town: 60 areas; differences are from first" in printed
    assert f"  mae      first                          {mae:.2f} (" in printed
    (line,) = [line for line in printed.splitlines() if "+1.00" not in line and f"{-mae:+.2f} (" in line][:1]
    assert line.endswith("better")
    assert max(map(len, printed.splitlines())) <= 100
    written = pd.read_csv(tmp_path / "compare.csv").set_index(["measure", "run"])
    assert written.loc[("mae", "first"), "value"] == pytest.approx(mae)
    assert "| mae | first | " in (tmp_path / "compare.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}"], "one run is not enough"),
        (["{run}", "{run}/../run"], "is named twice"),
        (["{run}", "{run}/nothing"], "nothing: no finished run"),
        (["{run}", "{other}"], "no region, outcome and area in common"),
        (["{run}", "{other}", "--out", "x.pdf"], "--out x.pdf: expected a name that ends with .csv or .md"),
    ],
)
def test_compare_command_refuses_in_one_line(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    paths = {"run": write_run(tmp_path / "run", TRUE), "other": write_run(tmp_path / "other", TRUE, "income")}
    assert main(["compare", *(text.format(**paths) for text in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
