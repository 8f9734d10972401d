"""Stage prediction: held-out locations by models that have not seen them, or all by the models of another run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles import __version__, storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.digests import settings_digest
from streetdeciles.errors import RunFailed
from streetdeciles.parallel import task_slots
from streetdeciles.prediction.choice import choose_models
from streetdeciles.prediction.chosen_models import ChosenModels
from streetdeciles.prediction.parts import Part, plan_parts, predict_parts
from streetdeciles.prediction.predict import COLUMNS, predict
from streetdeciles.run_log import StageReport
from streetdeciles.session_settings import spark_settings
from streetdeciles.splits.registry import split_of
from streetdeciles.splits.split import Split
from streetdeciles.stages import PREDICTION_STAGE
from streetdeciles.tables import PREDICTIONS, TRAINING_SET
from streetdeciles.training_set.columns import training_set_ddl
from streetdeciles.training_set.reader import training_set_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PARTS = ("_cache", "prediction_parts")


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write predictions: one row for each location and each trained outcome, where the location is held out.

    With `prediction.models` every location is predicted: its score is the mean of all those models, and its fold is
    null, because it is not known whether they have seen the area.

    Raises:
        RunRefused: the split holds nothing out, or `prediction.models` have other features or none of the outcomes.
        RunFailed: no training set, no models, or rows that are not the held-out locations x outcomes.
    """
    models = choose_models(config)
    outcomes = models.outcomes
    files = training_set_files(storage.join(config.work_dir, TRAINING_SET))
    with spark_settings(spark, _small_batches(config.prediction.batch_size)):
        n_locations, n_held_out, expected = _count(_locations(spark, config, list(files)), config, outcomes)
        if not n_held_out:
            raise RunFailed(
                f"training_set: no location is held out for {', '.join(outcomes)}, so none can be predicted"
            )
        rows = _write(spark, config, models, files)
    if rows != expected:
        raise RunFailed(
            f"predictions: wrote {rows} rows for {expected} held-out locations x outcomes; "
            "run the stage prediction again"
        )
    counts = {"locations": n_locations}
    if n_held_out < n_locations:
        counts |= {"held out": n_held_out, "not held out, not predicted": n_locations - n_held_out}
    counts |= {"outcomes": len(outcomes), "predictions": rows}
    return StageReport(PREDICTION_STAGE, counts, _notes(config, models, outcomes))


def _write(spark: SparkSession, config: RunConfig, models: ChosenModels, files: Mapping[str, int]) -> int:
    """Write predictions, part by part if the training set has several files; returns the number of rows."""
    outcomes = models.outcomes
    columns = (*COLUMNS, *(outcomes if models.held_out_deciles else ()))
    is_held_out = _is_held_out(split_of(config.dataset, config.training.folds), outcomes)
    work = partial(predict, models=models, schema=PREDICTIONS.arrow_schema())

    def predict_part(part: Part) -> DataFrame:
        held_out = _locations(spark, config, part).where(is_held_out).select(*columns)
        return held_out.mapInArrow(work, PREDICTIONS.ddl)

    parts = plan_parts(list(files), task_slots(spark))
    if len(parts) == 1:
        return storage.write_table(predict_part(parts[0]), PREDICTIONS, config.work_dir)
    folder = storage.join(config.work_dir, *PARTS)
    key = settings_digest(models=asdict(models), files=files, folds=config.training.folds, version=__version__)
    rows = storage.write_table(
        predict_parts(spark, parts, predict_part, folder=folder, key=key), PREDICTIONS, config.work_dir
    )
    storage.remove(folder)
    return rows


def _notes(config: RunConfig, models: ChosenModels, outcomes: Sequence[str]) -> list[str]:
    notes = [f"{outcome}: no model was trained" for outcome in config.dataset.outcomes if outcome not in outcomes]
    if models.mean:
        n_models = len(models.files) // len(outcomes)
        notes.append(f"scores are the mean of {n_models} models per outcome, from {models.uri}; not held out")
    return notes


def _is_held_out(split: Split, outcomes: Sequence[str]) -> str:
    """The condition, in Spark SQL, that a location is held out from a model of at least one outcome."""
    return " OR ".join(dict.fromkeys(split.held_out(outcome) for outcome in outcomes))


def _count(locations: DataFrame, config: RunConfig, outcomes: Sequence[str]) -> tuple[int, int, int]:
    """The numbers of locations, of held-out locations, and of expected predictions. Reads no features."""
    from pyspark.sql import functions as F

    split = split_of(config.dataset, config.training.folds)
    conditions = (_is_held_out(split, outcomes), *map(split.held_out, outcomes))
    counted = locations.agg(F.count("*"), *[F.count_if(F.expr(condition)) for condition in conditions]).first()
    assert counted is not None
    n_locations, n_held_out, *n_predictions = (int(n) for n in counted)
    return n_locations, n_held_out, sum(n_predictions)


def _locations(spark: SparkSession, config: RunConfig, part: Part) -> DataFrame:
    """The rows of some files of the training set."""
    uri, ddl = storage.join(config.work_dir, TRAINING_SET), training_set_ddl(config.dataset.outcomes)
    return storage.read_parquet(spark, *[storage.join(uri, name) for name in part], schema=ddl)


def _small_batches(rows: int) -> dict[str, str]:
    """Let Spark read from Parquet, and send to Python, `rows` at a time: a row has tens of kilobytes, and Spark's
    defaults are thousands of rows."""
    return {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(rows),
        "spark.sql.parquet.columnarReaderBatchSize": str(min(rows, 4096)),
    }
