"""Queries in `.sql` files beside the modules that run them, and pandas frames for them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession


def query(package: str, name: str, arguments: Mapping[str, Any] | None = None, /, **frames: DataFrame) -> DataFrame:
    """Run `<package>/<name>.sql` on `frames`, which it names in braces; `arguments` are its `:name` parameters.

    Example: `query("streetdeciles.dataset", "views", {"views": 4}, features=features, numbered=numbered)`
    """
    text = (files(package) / f"{name}.sql").read_text(encoding="utf-8")
    # PySpark drops its view of each frame after the query, and that would unpersist a frame that is viewed itself. To
    # Spark 4 a frame with the same columns is the frame itself; Spark's optimizer removes the condition.
    viewed = {frame_name: frame.where("true") for frame_name, frame in frames.items()}
    return next(iter(frames.values())).sparkSession.sql(text, args=dict(arguments or {}), **viewed)


def spark_frame(spark: SparkSession, frame: pd.DataFrame) -> DataFrame:
    """A pandas frame, whose columns are text, numbers or truth values, for Spark."""
    kinds = {"O": "string", "f": "double", "i": "bigint", "b": "boolean"}
    schema = ", ".join(f"`{name}` {kinds[kind.kind]}" for name, kind in frame.dtypes.items())
    with warnings.catch_warnings():
        # Spark 3.5 asks pandas 2 in a way that pandas 2 calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return spark.createDataFrame(frame, schema)
