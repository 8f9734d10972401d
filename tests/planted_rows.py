"""Training rows whose features contain their deciles, for tests of training and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from config_files import run_config
from streetdeciles.config import RunConfig, TrainingConfig
from streetdeciles.tables import TRAINING_SET
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.plan import TrainingPlan, plan_training
from streetdeciles.training_set.codec import encode_arrays
from streetdeciles.training_set.columns import TrainingSetShape, training_set_ddl
from streetdeciles.training_set.writer import write_training_set

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

VIEWS, FEATURE_SIZE, FOLDS = 2, 16, 3
SIGNAL_NOISE = 0.3
"""Standard deviation of the noise that each view adds to the planted signal, which rises by 1 per decile."""


def planted_rows(*, areas: int = 90, per_area: int = 4, outcomes: int = 2, seed: int = 0) -> TrainingRows:
    """Every decile occurs equally often; features are the sum of a direction per outcome times its decile, and noise.

    The directions are orthogonal and of length 1, so the mean over views of features @ direction is the decile plus
    noise of standard deviation SIGNAL_NOISE / sqrt(views).
    """
    rng = np.random.default_rng(seed)
    area = np.repeat(np.arange(areas), per_area).astype(np.int32)
    area_deciles = np.stack([rng.permutation(np.arange(areas) % 10 + 1) for _ in range(outcomes)], axis=1)
    deciles = area_deciles[area].astype(np.int8)
    directions = np.linalg.qr(rng.normal(size=(FEATURE_SIZE, outcomes)))[0].T
    features = SIGNAL_NOISE * rng.normal(size=(len(area), VIEWS, FEATURE_SIZE))
    features += (deciles @ directions)[:, None]
    fold = rng.permutation(np.arange(areas) % FOLDS)[area].astype(np.int32)
    names = tuple(f"outcome_{o}" for o in range(outcomes))
    mask = np.ones((len(area), VIEWS), bool)
    return TrainingRows(names, features.astype(np.float32), mask, fold, area, deciles)


def planted_plan(settings: TrainingConfig, rows: TrainingRows, *, seed: int = 1) -> TrainingPlan:
    """The plan of a training, in float32 if the precision is `auto`, whatever the machine."""
    precision = "float32" if settings.precision == "auto" else settings.precision
    return plan_training(settings, seed=seed, n_locations=len(rows), precision=precision)


def write_planted_set(spark: SparkSession, rows: TrainingRows, uri: str, *, files: int = 1) -> None:
    """Write `rows` as the dataset stage does, in `files` files; a decile of 0 becomes null."""
    features, mask = encode_arrays(rows.features), encode_arrays(rows.view_mask)
    content = [
        (
            f"location {i}",
            i,
            "somewhere",
            f"area {rows.area[i]:04d}",
            None,
            None,
            f"area {rows.area[i]:04d}",
            features[i].as_py(),
            mask[i].as_py(),
            int(rows.fold[i]),
            -1,
            "",
            *(int(decile) or None for decile in rows.deciles[i]),
        )
        for i in range(len(rows))
    ]
    frame = spark.createDataFrame(content, training_set_ddl(rows.outcomes))
    in_order = frame.repartitionByRange(files, "row_number").sortWithinPartitions("row_number")
    shape = TrainingSetShape(len(rows), *rows.features.shape[1:], rows.outcomes)
    write_training_set(in_order, uri, shape)


def write_locations_of_areas(
    spark: SparkSession,
    locations: Sequence[tuple[str, str, str, int, Sequence[int | None]]],
    work_dir: Path,
    *outcomes: str,
) -> None:
    """A training set of (location_id, region, area_id, fold, deciles), each with one view and one feature, 0."""
    zero, one = (
        encode_arrays(np.zeros((1, 1, 1), np.float32))[0].as_py(),
        encode_arrays(np.ones((1, 1), bool))[0].as_py(),
    )
    rows = [
        (name, i, region, area, None, None, area, zero, one, fold, -1, "", *deciles)
        for i, (name, region, area, fold, deciles) in enumerate(locations)
    ]
    frame = spark.createDataFrame(rows, training_set_ddl(outcomes)).coalesce(1)
    write_training_set(frame, str(work_dir / TRAINING_SET), TrainingSetShape(len(rows), 1, 1, outcomes))


def planted_config(work_dir: Path, rows: TrainingRows, **training: Any) -> RunConfig:
    """A config for stages that read what `write_planted_set` has written to <work_dir>/training_set."""
    small = {"view_units": [16], "location_units": [8], "learning_rate": 0.02, "epochs": 3}
    return run_config(
        work_dir,
        seed=3,
        labels={"regions": {"somewhere": "all"}},
        images={"views": VIEWS, "pattern": "{location_id}_{view}.jpg"},
        dataset={"outcomes": list(rows.outcomes), "folds": FOLDS},
        training={**small, **training},
    )
