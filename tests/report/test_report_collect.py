"""The small frames that the page is made of, from tables as the stages leave them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from parsed_page import parse

from report_run import HOSTILE, FinishedRun, report_config, write_finished_run
from streetdeciles import storage
from streetdeciles.report import collect, stage
from streetdeciles.report.losses import read_losses
from streetdeciles.tables import LEFT_OUT, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_gallery_is_drawn_by_the_seed(spark: SparkSession, finished_run: FinishedRun) -> None:
    config = finished_run.config
    first = collect.candidates(spark, config)
    assert first.equals(collect.candidates(spark, config))
    other = collect.candidates(spark, config.model_copy(update={"seed": 2}))
    assert list(first["location_id"]) != list(other["location_id"])
    assert first.groupby("true_decile").size().max() == 12
    assert list(first["true_decile"].unique()) == list(range(1, 11))


def test_exhibits_are_photographs_that_were_not_rejected(spark: SparkSession, finished_run: FinishedRun) -> None:
    """Of BL0 00 view 3 is a reject; each seed takes one of its other views."""
    config = finished_run.config
    views = set()
    for seed in range(4):
        seeded = config.model_copy(update={"seed": seed})
        (exhibit,) = collect.exhibits(spark, seeded, ["BL0 00"])
        views.add(exhibit.view)
    assert len(views) > 1
    assert views <= {0, 1, 2}


def test_exhibits_come_in_the_asked_order_with_what_is_known(spark: SparkSession, finished_run: FinishedRun) -> None:
    shown = collect.exhibits(spark, finished_run.config, ["BL1 00", HOSTILE, "nowhere"])
    assert [exhibit.location_id for exhibit in shown] == ["BL1 00", HOSTILE]
    assert set(shown[0].deciles) == set(finished_run.config.dataset.outcomes)
    assert collect.exhibits(spark, finished_run.config, []) == []


def test_run_without_losses_boundaries_models_and_gallery_is_reported(spark: SparkSession, tmp_path: Path) -> None:
    labels = report_config(tmp_path).labels.model_dump() | {"boundaries": None}
    run = write_finished_run(report_config(tmp_path, labels=labels, report={"gallery": 0}))
    for table in (REJECTS, LEFT_OUT):
        storage.remove(storage.join(run.config.work_dir, table.name))
        storage.write_table(spark.createDataFrame([], table.ddl), table, run.config.work_dir)
    storage.remove(storage.join(run.config.work_dir, "models"))
    report = stage.run(spark, run.config)
    assert report.counts == {"areas on maps": 0, "areas without outline": 120, "photographs shown": 0}
    page = parse((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "this run has no boundaries" in page.text
    assert "Nothing: the run used every location and every photograph." in page.text
    assert "No learning curves" in page.text
    assert not page.find("img")


def test_examples_of_what_was_left_out_hold_no_signature(spark: SparkSession, tmp_path: Path) -> None:
    config = report_config(tmp_path)
    rows = [("https://me:password@host/a.jpg?sig=abc", "missing", None, "images")]
    storage.write_table(spark.createDataFrame(rows, LEFT_OUT.ddl), LEFT_OUT, config.work_dir)
    storage.write_table(spark.createDataFrame([], REJECTS.ddl), REJECTS, config.work_dir)
    (examples,) = read_losses(spark, config)["examples"]
    assert examples == [{"id": "https://me:***@host/a.jpg?sig=***", "detail": ""}]


def test_outcome_that_reads_as_a_number_keeps_its_name(spark: SparkSession, tmp_path: Path) -> None:
    config = report_config(tmp_path)
    text = "outcome,fold,epoch,loss,val_loss,mae,val_mae,learning_rate\n2019,0,0,1,1,1,1,0.1\n"
    storage.write_text(storage.join(config.work_dir, "models", "history.csv"), text)
    history = collect.read_history(config)
    assert list(history["outcome"]) == ["2019"]
    assert history.drop(columns="outcome").equals(pd.read_csv(io.StringIO(text)).drop(columns="outcome"))
