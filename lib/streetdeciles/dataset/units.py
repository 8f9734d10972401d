"""The units that the split does not divide: areas, or those of `dataset.split_level`; and the fold of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.area_shapes import read_shapes
from streetdeciles.config import DatasetConfig, LabelsConfig, RunConfig
from streetdeciles.dataset.user_folds import read_user_folds
from streetdeciles.errors import RunRefused
from streetdeciles.splits.split import Needs, Split

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

LEVEL_COLUMNS = {"area": "area_id", "oa": "oa", "msoa": "msoa", "district": "district"}


def with_units(locations: DataFrame, level: str) -> DataFrame:
    """The table `locations` with the column `unit`: the code at `dataset.split_level`, or the area where it is null."""
    from pyspark.sql import functions as F

    return locations.withColumn("unit", F.coalesce(LEVEL_COLUMNS[level], "area_id"))


def assign_units(numbered: DataFrame, split: Split, config: RunConfig) -> tuple[pd.DataFrame, list[str]]:
    """The fold of each unit, as from `Split.assign`, and sentences for the stage's report.

    Args:
        numbered: from `numbered_locations`.
        split: the split of the config.
        config: the run's config; its section `labels` may be absent.

    Raises:
        RunRefused: too few units for the split, none at its level, or none of the shapes or folds that it needs.
    """
    dataset = config.dataset
    level_notes = _level_notes(numbered, dataset.split_level)
    units = _count_units(numbered, dataset.outcomes[0]).toPandas()
    notes: list[str] = []
    if split.needs is Needs.SHAPES:
        # The polygons are those of areas, and an output area is less than one.
        labels = LabelsConfig.absent() if dataset.split_level == "oa" else config.labels
        units = units.merge(read_shapes(numbered, labels, "unit"), on="unit", how="left")
        notes = _shape_notes(units)
    elif split.needs is Needs.USER_FOLDS:
        user_folds, notes = read_user_folds(numbered, config)
        units = units.merge(user_folds, on="unit", how="left")
    folds = split.assign(units, seed=config.seed)
    return folds, [split.describe(units, folds), *notes, *level_notes, *_divided_areas(numbered, folds, dataset)]


def with_folds(numbered: DataFrame, folds: pd.DataFrame) -> DataFrame:
    """The rows of `numbered` with `fold`, `block` and `buffer_of` (text: the folds, with blanks between them)."""
    texts = folds.assign(buffer_of=[" ".join(map(str, numbers)) for numbers in folds["buffer_of"]])
    rows = list(texts.itertuples(index=False, name=None))
    of_unit = numbered.sparkSession.createDataFrame(rows, "unit string, fold int, block int, buffer_of string")
    return numbered.drop("latitude", "longitude").join(of_unit, on="unit", how="inner")


def _count_units(numbered: DataFrame, outcome: str) -> DataFrame:
    """For `Split.assign`: `unit`, `stratum` (region and decile of `outcome`), `n_locations`, `region`."""
    from pyspark.sql import functions as F

    stratum = F.concat_ws(" ", "region", F.col(outcome).cast("string"))
    counted = numbered.groupBy("unit", stratum.alias("stratum"))
    return counted.agg(F.count("*").alias("n_locations"), F.min("region").alias("region"))


def _level_notes(numbered: DataFrame, level: str) -> list[str]:
    """How many units there are at a level other than areas, and how many locations have no code there."""
    from pyspark.sql import functions as F

    if level == "area":
        return []
    column = LEVEL_COLUMNS[level]
    counted = numbered.agg(
        F.count("*").alias("n"),
        F.count_if(F.col(column).isNull()).alias("without"),
        F.countDistinct("unit").alias("units"),
    ).first()
    assert counted is not None
    if counted["without"] == counted["n"]:
        raise RunRefused(
            f"dataset.split_level {level}: no location has a code of its {level}; add the column {column} to "
            "labels.locations, or use split_level area"
        )
    notes = [f"the split keeps each {level} together (dataset.split_level): {counted['units']} units, counted as areas"]
    if counted["without"]:
        notes.append(f"{counted['without']} location(s) have no {level}, so their area is kept together instead")
    return notes


def _shape_notes(units: pd.DataFrame) -> list[str]:
    import shapely

    shapes = units.drop_duplicates("unit")["shape"]
    n_points = int((shapely.get_type_id(shapes.to_numpy()) == shapely.GeometryType.POINT).sum())
    if n_points == len(shapes):
        return ["distances are between areas' centres: the means of their locations' coordinates"]
    points = f"; {n_points} areas without one are at the mean of their locations" if n_points else ""
    return [f"distances are between the areas' polygons{points}"]


def _divided_areas(numbered: DataFrame, folds: pd.DataFrame, dataset: DatasetConfig) -> list[str]:
    """A warning where output areas put locations of one area into several folds."""
    if dataset.split_level != "oa":
        return []
    pairs = numbered.select("area_id", "unit").distinct().toPandas().merge(folds, on="unit")
    n = int((pairs.groupby("area_id")["fold"].nunique() > 1).sum())
    return [
        f"{n} area(s) are in several folds, so models have learned from other locations of areas that they predict; "
        "results for areas look better than for areas that are new"
    ]
