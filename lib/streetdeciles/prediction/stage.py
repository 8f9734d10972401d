"""Stage prediction: every location of the training set by the models that have not seen its area."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed
from streetdeciles.prediction.predict import COLUMNS, ModelFile, predict
from streetdeciles.run_log import StageReport
from streetdeciles.tables import PREDICTIONS, TRAINING_SET
from streetdeciles.training_set import training_set_ddl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write predictions: one row for each location and each outcome that was trained.

    Raises:
        RunFailed: no training set, no models, or other rows than there are locations and outcomes.
    """
    models_uri = storage.join(config.work_dir, "models")
    files = _model_files(models_uri)
    outcomes = {model.outcome for model in files}
    with _small_batches(spark, config.prediction.batch_size):
        locations = _locations(spark, config)
        n_locations = locations.count()
        work = partial(predict, models_uri=models_uri, files=files, schema=PREDICTIONS.arrow_schema())
        predicted = locations.mapInArrow(work, PREDICTIONS.ddl)
        rows = storage.write_table(predicted, PREDICTIONS, config.work_dir)
    if rows != n_locations * len(outcomes):
        raise RunFailed(
            f"predictions: {rows} rows of {n_locations} locations x {len(outcomes)} outcomes; run the stage again"
        )
    counts = {"locations": n_locations, "outcomes": len(outcomes), "predictions": rows}
    untrained = [outcome for outcome in config.dataset.outcomes if outcome not in outcomes]
    return StageReport("prediction", counts, [f"{outcome}: no model was trained" for outcome in untrained])


def _model_files(models_uri: str) -> tuple[ModelFile, ...]:
    card = storage.join(models_uri, "model_card.json")
    if not storage.exists(card):
        raise RunFailed(f"{card}: no trained models; run the training stage first")
    return tuple(ModelFile(*(model[name] for name in ModelFile._fields)) for model in storage.read_json(card)["models"])


def _locations(spark: SparkSession, config: RunConfig) -> DataFrame:
    uri = storage.join(config.work_dir, TRAINING_SET)
    if not storage.exists(uri):
        raise RunFailed(f"{uri}: no training set; run the dataset stage first")
    ddl = training_set_ddl(config.dataset.outcomes)
    return spark.read.schema(ddl).parquet(storage.spark_uri(uri)).select(*COLUMNS)


@contextmanager
def _small_batches(spark: SparkSession, rows: int) -> Iterator[None]:
    """Rows at a time from Parquet and to Python: one holds tens of kilobytes, and Spark's defaults are thousands."""
    settings = {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(rows),
        "spark.sql.parquet.columnarReaderBatchSize": str(min(rows, 4096)),
    }
    before = {key: spark.conf.get(key) for key in settings}
    for key, value in settings.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.set(key, str(old))
