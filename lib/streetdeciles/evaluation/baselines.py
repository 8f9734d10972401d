"""The baselines' predictions, from the tables of a run."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles import storage
from streetdeciles.area_shapes import read_shapes
from streetdeciles.baselines.areas import Areas
from streetdeciles.baselines.pooling import COLUMNS, pool_features
from streetdeciles.baselines.predict import predict_areas
from streetdeciles.config import LabelsConfig, RunConfig
from streetdeciles.evaluation.covariates import read_covariates
from streetdeciles.geography.centres import centre_coordinates, to_metres
from streetdeciles.methods import MEDIAN
from streetdeciles.tables import AREA_LABELS, TRAINING_SET
from streetdeciles.training_set.columns import training_set_ddl
from streetdeciles.training_set.reader import open_training_set

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)


def predict_baselines(spark: SparkSession, config: RunConfig, centres: pd.DataFrame) -> pd.DataFrame:
    """`region`, `area_id`, `outcome`, `model` and `decile` of the baselines.

    Baselines learn from the areas of the training set from which the network has learned. With `prediction.models`
    these are not known: then there is only the median of all deciles of the region. `centres` is from `area_centres`.
    """
    if config.prediction.models is not None:
        return _median_of_region(spark, config)
    areas = _areas(spark, config, centres)
    covariates = None
    if config.evaluation.covariates is not None:
        table = read_covariates(config.evaluation.covariates)
        covariates = table.reindex(areas.keys["area_id"]).to_numpy(np.float64)
    with tempfile.TemporaryDirectory(prefix="streetdeciles-") as folder:
        pooled = None
        if config.evaluation.feature_baselines:
            logger.info("evaluation: pooling the features of %d areas for the baselines", len(areas.keys))
            uri = storage.join(config.work_dir, TRAINING_SET)
            pooled = pool_features(open_training_set(uri, COLUMNS), areas.keys, Path(folder))
        return predict_areas(
            areas,
            held_out_deciles=config.dataset.held_out_deciles,
            pooled=pooled,
            covariates=covariates,
            seed=config.seed,
        )


def _areas(spark: SparkSession, config: RunConfig, centres: pd.DataFrame) -> Areas:
    from pyspark.sql import functions as F

    outcomes = config.dataset.outcomes
    uri = storage.join(config.work_dir, TRAINING_SET)
    rows = storage.read_parquet(spark, uri, schema=training_set_ddl(outcomes))
    # All locations of an area have its decile.
    deciles = [F.max(f"`{name}`").alias(name) for name in outcomes]
    by_fold = rows.groupBy("region", "area_id", "fold", "buffer_of").agg(*deciles)
    return Areas.of(by_fold.toPandas(), outcomes, centres)


def area_centres(locations: DataFrame, labels: LabelsConfig) -> pd.DataFrame:
    """`area_id`, `x` and `y` in metres of the areas of which it is known where they are."""
    import pandas as pd

    shapes = read_shapes(locations, labels).dropna()
    if shapes.empty:
        return pd.DataFrame(
            {"area_id": pd.Series(dtype=object), "x": pd.Series(dtype=float), "y": pd.Series(dtype=float)}
        )
    x, y = centre_coordinates(to_metres(shapes["shape"].tolist())).T
    return shapes[["unit"]].rename(columns={"unit": "area_id"}).assign(x=x, y=y)


def _median_of_region(spark: SparkSession, config: RunConfig) -> pd.DataFrame:
    labels = storage.read_table(spark, AREA_LABELS, config.work_dir).where("decile IS NOT NULL")
    frame = labels.select("region", "area_id", "outcome", "decile").toPandas()
    medians = frame.groupby(["region", "outcome"])["decile"].transform("median")
    return frame.assign(model=MEDIAN, decile=np.rint(medians))
