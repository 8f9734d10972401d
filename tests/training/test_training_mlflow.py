"""A training in MLflow, read back by its client; servers that do not answer; MLflow that is not installed."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from planted_rows import FOLDS, planted_config, planted_rows, write_planted_set
from streetdeciles.models.card import read_card
from streetdeciles.run_log import StageReport
from streetdeciles.training import mlflow_log, stage
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.mlflow_log import mlflow_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EPOCH = [
    HistoryRow("imd", fold, 4, 2.5, 2.25, 3.0, 2.75, 0.125, 0.25, 1e-3, (0, 1))._replace(val_mae=1.5 + fold)
    for fold in range(2)
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file store, which MLflow 3 uses only if it is allowed to."""
    pytest.importorskip("mlflow", reason="needs mlflow: pip install 'streetdeciles[mlflow]'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'mlruns'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return tmp_path / "mlruns"


def runs() -> list[Any]:
    from mlflow import MlflowClient

    return list(MlflowClient().search_runs(["0"]))


def logged(run: Any, key: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    return [(metric.step, metric.value) for metric in MlflowClient().get_metric_history(run.info.run_id, key)]


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def test_a_run_has_parameters_tags_metrics_and_files(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.artifacts import load_dict

    monkeypatch.setattr(mlflow_log, "METRICS_PER_CALL", 5)
    with mlflow_run("a name", params={"batch_size": 64, "view_units": [512]}, tags={"version": "0.1"}) as log:
        log.add(EPOCH)
        log.add([row._replace(epoch=5, val_mae=1.0) for row in EPOCH[:1]])
        log.result({"val_mae": 1.75}, {"card.json": {"models": [1, 2]}})
    (run,) = runs()
    assert (run.info.run_name, run.info.status) == ("a name", "FINISHED")
    assert run.data.params == {"batch_size": "64", "view_units": "[512]"}
    assert run.data.tags["version"] == "0.1"
    names = ("loss", "val_loss", "mae", "val_mae", "accuracy", "val_accuracy", "learning_rate")
    assert set(run.data.metrics) == {"val_mae", *(f"imd/{fold}/{name}" for fold in range(2) for name in names)}
    assert logged(run, "imd/0/val_mae") == [(4, 1.5), (5, 1.0)]
    assert logged(run, "imd/1/val_mae") == [(4, 2.5)]
    assert logged(run, "imd/1/val_accuracy") == [(4, 0.25)]
    assert logged(run, "val_mae") == [(0, 1.75)]
    assert load_dict(f"{run.info.artifact_uri}/card.json") == {"models": [1, 2]}


@pytest.mark.parametrize(("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_the_run_has_the_status_of_the_training(store: Path, error: type[BaseException], status: str) -> None:
    import mlflow

    with pytest.raises(error), mlflow_run("a name", params={}, tags={}):
        raise error
    (run,) = runs()
    assert run.info.status == status
    assert mlflow.active_run() is None


def test_the_run_is_nested_in_an_active_run(store: Path) -> None:
    import mlflow

    with mlflow.start_run(run_name="a notebook's") as outer:
        with mlflow_run("training", params={}, tags={}):
            pass
        active = mlflow.active_run()
        assert active is not None
        assert active.info.run_id == outer.info.run_id
    by_name = {run.info.run_name: run for run in runs()}
    assert by_name["training"].data.tags["mlflow.parentRunId"] == outer.info.run_id


def test_a_server_that_does_not_answer_gives_one_warning(
    store: Path, unused_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{unused_port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with caplog.at_level(logging.WARNING, "streetdeciles"), mlflow_run("a name", params={"a": 1}, tags={}) as log:
        log.add(EPOCH)
        log.result({"val_mae": 1.75}, {"card.json": {}})
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("streetdeciles")]
    assert len(warnings) == 1
    assert warnings[0].startswith("training: MLflow cannot be used any more (")
    assert "the training continues" in warnings[0]


def test_a_store_that_is_lost_during_a_run_gives_one_warning(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    import mlflow

    with caplog.at_level(logging.WARNING, "streetdeciles"), mlflow_run("a name", params={}, tags={}) as log:
        log.add(EPOCH)
        store.rename(store.with_name("elsewhere"))
        log.add(EPOCH)
        log.add(EPOCH)
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("streetdeciles")]
    assert len(warnings) == 1
    assert mlflow.active_run() is None


def test_the_stage_logs_its_training(store: Path, spark: SparkSession, tmp_path: Path) -> None:
    from mlflow.artifacts import load_dict

    rows = planted_rows(areas=30, outcomes=2)
    work_dir = tmp_path / "run"
    write_planted_set(spark, rows, str(work_dir / "training_set"))
    report: StageReport = stage.run(spark, planted_config(work_dir, rows, mlflow=True, epochs=2))

    (run,) = runs()
    card = read_card(str(work_dir / "models"))
    assert load_dict(f"{run.info.artifact_uri}/model_card.json") == card
    assert report.counts["epochs, all models together"] == 2 * 2 * FOLDS
    for model in card["models"]:
        losses = dict(logged(run, f"{model['outcome']}/{model['fold']}/val_mae"))
        assert sorted(losses) == [1, 2]
        assert losses[model["best_epoch"]] == model["val_mae"]
    maes = [model["val_mae"] for model in card["models"] if model["outcome"] == "outcome_1"]
    assert run.data.metrics["outcome_1/val_mae"] == pytest.approx(sum(maes) / FOLDS)
    assert run.data.params["learning_rate"] == "0.02"
    assert run.data.params["seed"] == "3"
    assert run.data.tags["streetdeciles.training_set"] == card["training_set"]
    assert "mlflow" not in card["training"]
