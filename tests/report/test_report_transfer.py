"""The charts of the table transfer: of this training set only, on an axis from 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from config_files import run_config
from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.report.transfer import read_charts
from streetdeciles.run_log import StageReport
from streetdeciles.tables import TRANSFER


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """A run whose training set is finished."""
    run_log.record(str(tmp_path), StageReport("dataset"), "")
    return run_config(tmp_path)


def write_table(config: RunConfig, *rows: dict[str, Any]) -> None:
    mark = run_log.read_mark(config.work_dir, "dataset")
    assert mark is not None
    about = {"source": "a", "region": "b", "outcome": "imd", "n": 30, "dataset": mark.generation}
    folder = Path(config.work_dir) / TRANSFER.name
    folder.mkdir()
    frame = pd.DataFrame([about | row for row in rows]).reindex(columns=[*TRANSFER.columns])
    frame.to_parquet(folder / "part-0.parquet")


def test_transfer_chart_has_a_point_for_each_share(config: RunConfig) -> None:
    shares: list[dict[str, Any]] = [
        {"share": 1.0, "n_learning": 34, "mae": 1.0, "mae_low": 0.5, "mae_high": 1.5, "spearman": 0.8},
        {"share": 0.0, "n_learning": 0, "mae": 2.0},
        {"share": 0.1, "n_learning": 3},
    ]
    write_table(config, *shares)
    (chart,) = read_charts(config)
    assert (chart.source, chart.region, chart.n) == ("a", "b", 30)
    assert [(point.share, point.learning, point.mae, point.spearman) for point in chart.points] == [
        ("as is", 0, "2.00", "–"),
        ("100 %", 34, "1.00 (0.50 to 1.50)", "0.80"),
    ]
    # The axis goes from 0 at 130 to 2 at 10.
    assert [(tick.label, tick.at) for tick in chart.y_ticks] == [("0", 130.0), ("1", 70.0), ("2", 10.0)]
    assert [(point.y, point.low, point.high) for point in chart.points] == [(10.0, None, None), (70.0, 100.0, 40.0)]


def test_transfer_of_an_earlier_training_set_is_not_shown(config: RunConfig) -> None:
    write_table(config, {"share": 0.0, "n_learning": 0, "mae": 2.0})
    run_log.record(config.work_dir, StageReport("dataset"), "")
    assert read_charts(config) == []


def test_run_without_transfer_has_no_charts(config: RunConfig) -> None:
    assert read_charts(config) == []
