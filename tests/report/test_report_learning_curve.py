"""The learning curve of `training --learning-curve` in the report: of this training set only."""

from __future__ import annotations

from pathlib import Path

import pytest

from config_files import run_config
from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.report.learning_curve import learning_curve_charts, read_learning_curve
from streetdeciles.run_log import StageReport
from streetdeciles.training.learning_curve import CurvePoint, curve_csv


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """A run with an outcome imd, whose training set is finished."""
    run_log.record(str(tmp_path), StageReport("dataset"), "")
    return run_config(tmp_path)


def write_curve(config: RunConfig) -> None:
    """Of two folds with 30 and 10 held-out locations."""
    (outcome,) = config.dataset.outcomes
    mark = run_log.read_mark(config.work_dir, "dataset")
    assert mark is not None
    points = [
        CurvePoint(1.0, outcome, 0, 80, 5, 1.0, 30, 1.0),
        CurvePoint(1.0, outcome, 1, 90, 5, 1.0, 10, 2.0),
        CurvePoint(0.1, outcome, 0, 8, 5, 1.0, 30, 3.0),
        CurvePoint(0.1, outcome, 1, 9, 5, 1.0, 0, float("nan")),
        CurvePoint(0.1, "another", 0, 8, 5, 1.0, 30, 3.0),
    ]
    (Path(config.work_dir) / "learning_curve.csv").write_text(curve_csv(points, mark.generation))


def test_learning_curve_is_the_mean_over_locations_between_the_folds(config: RunConfig) -> None:
    write_curve(config)
    curve = read_learning_curve(config).drop(columns="outcome").to_numpy().tolist()
    assert curve == [[0.1, 8.0, 30, 3.0, 3.0, 3.0], [1.0, 85.0, 40, 1.25, 1.0, 2.0]]
    (chart,) = learning_curve_charts(config)
    assert chart.outcome == config.dataset.outcomes[0]
    assert [(point.share, point.learning, point.mae) for point in chart.points] == [
        ("10 %", 8, "3.00 (3.00 to 3.00)"),
        ("100 %", 85, "1.25 (1.00 to 2.00)"),
    ]


def test_learning_curve_of_an_earlier_training_set_is_not_shown(config: RunConfig) -> None:
    write_curve(config)
    run_log.record(config.work_dir, StageReport("dataset"), "")
    assert learning_curve_charts(config) == []


def test_file_that_does_not_say_its_training_set_is_not_shown(config: RunConfig) -> None:
    names = ",".join(CurvePoint._fields)
    row = f"1.0,{config.dataset.outcomes[0]},0,80,5,1.0,30,1.0"
    (Path(config.work_dir) / "learning_curve.csv").write_text(f"{names}\n{row}\n")
    assert learning_curve_charts(config) == []


def test_run_without_learning_curve_has_no_chart(config: RunConfig) -> None:
    assert learning_curve_charts(config) == []
