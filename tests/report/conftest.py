"""One finished run and its page, for all tests of the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from report_run import FinishedRun, report_config, write_finished_run
from streetdeciles.run_log import StageReport

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def finished_run(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run over Bury up to `evaluation`; `Table.arrow_schema`, and so this, needs a Spark session."""
    return write_finished_run(report_config(tmp_path_factory.mktemp("finished")))


@pytest.fixture(scope="session")
def written_report(spark: SparkSession, finished_run: FinishedRun) -> StageReport:
    """The report of the stage that wrote `<work_dir>/report.html` of the finished run."""
    from streetdeciles.report import stage

    return stage.run(spark, finished_run.config)


@pytest.fixture(scope="session")
def html(written_report: StageReport, finished_run: FinishedRun) -> str:
    return (Path(finished_run.config.work_dir) / "report.html").read_text(encoding="utf-8")
