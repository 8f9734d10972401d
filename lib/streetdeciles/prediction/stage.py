"""Stage prediction: every location of the training set by the models that have not seen its area, or by given ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.prediction.predict import COLUMNS, ModelFile, predict
from streetdeciles.run_log import StageReport
from streetdeciles.tables import PREDICTIONS, TRAINING_SET
from streetdeciles.training_set import training_set_ddl, training_set_shape

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write predictions: one row for each location and each outcome that was trained.

    With `prediction.models` the score is the mean of all models there, and the fold is null: whether they have seen an
    area, nobody here knows.

    Raises:
        RunRefused: the given models are of other features, or of none of the outcomes.
        RunFailed: no training set, no models, or other rows than there are locations and outcomes.
    """
    given = config.prediction.models
    models_uri = given or storage.join(config.work_dir, "models")
    files = _given_models(config, given) if given else _model_files(storage.read_json(_card_uri(models_uri)))
    outcomes = {model.outcome for model in files}
    with _small_batches(spark, config.prediction.batch_size):
        locations = _locations(spark, config)
        n_locations = locations.count()
        schema = PREDICTIONS.arrow_schema()
        work = partial(predict, models_uri=models_uri, files=files, schema=schema, mean=given is not None)
        predicted = locations.mapInArrow(work, PREDICTIONS.ddl)
        rows = storage.write_table(predicted, PREDICTIONS, config.work_dir)
    if rows != n_locations * len(outcomes):
        raise RunFailed(
            f"predictions: {rows} rows of {n_locations} locations x {len(outcomes)} outcomes; run the stage again"
        )
    counts = {"locations": n_locations, "outcomes": len(outcomes), "predictions": rows}
    untrained = [outcome for outcome in config.dataset.outcomes if outcome not in outcomes]
    notes = [f"{outcome}: no model was trained" for outcome in untrained]
    if given:
        notes.append(
            f"scores are the mean of {len(files) // len(outcomes)} models an outcome, of {given}; not held out"
        )
    return StageReport("prediction", counts, notes)


def _card_uri(models_uri: str) -> str:
    uri = storage.join(models_uri, "model_card.json")
    if not storage.exists(uri):
        raise RunFailed(f"{uri}: no trained models; run the training stage first")
    return uri


def _model_files(card: dict[str, Any]) -> tuple[ModelFile, ...]:
    return tuple(ModelFile(*(model[name] for name in ModelFile._fields)) for model in card["models"])


def _given_models(config: RunConfig, models_uri: str) -> tuple[ModelFile, ...]:
    """Those of the run's outcomes."""
    card = storage.read_json(_card_uri(models_uri))
    own = _training_set_uri(config)
    size, expected = training_set_shape(own).feature_size, card["input"]["features"][1]
    if size != expected:
        raise RunRefused(
            f"prediction.models: {models_uri}: its models take {expected} features a view, and those here have {size}; "
            "extract both with the same backbone"
        )
    files = tuple(model for model in _model_files(card) if model.outcome in config.dataset.outcomes)
    if not files:
        there = sorted({model["outcome"] for model in card["models"]})
        raise RunRefused(
            f"prediction.models: {models_uri} has none of dataset.outcomes ({', '.join(config.dataset.outcomes)}); "
            f"there are {', '.join(there)}"
        )
    return files


def _locations(spark: SparkSession, config: RunConfig) -> DataFrame:
    ddl = training_set_ddl(config.dataset.outcomes)
    return spark.read.schema(ddl).parquet(storage.spark_uri(_training_set_uri(config))).select(*COLUMNS)


def _training_set_uri(config: RunConfig) -> str:
    uri = storage.join(config.work_dir, TRAINING_SET)
    if not storage.exists(uri):
        raise RunFailed(f"{uri}: no training set; run the dataset stage first")
    return uri


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
