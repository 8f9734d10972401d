"""The folds of the split `column`: from the table of locations, or from a table of areas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.config import LocationTable, RunConfig
from streetdeciles.csv_tables.columns import MALFORMED
from streetdeciles.csv_tables.on_spark import spark_rows
from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_columns
from streetdeciles.staging import staged

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class FoldTable:
    """A table with the folds of areas or locations: the columns of its header that hold their ids, and their folds."""

    table: CsvTable
    key: str
    """`area_id` or `location_id`: what a row is about."""
    key_column: str
    fold_column: str


def open_fold_table(config: RunConfig) -> FoldTable:
    """The table that `dataset.fold_column` is in; reads its header only.

    Raises:
        RunRefused: it cannot be read, lacks a column, or no table is configured.
    """
    dataset, labels = config.dataset, config.labels
    assert dataset.fold_column is not None
    if dataset.fold_file is not None:
        path, key, key_column = dataset.fold_file, "area_id", "area_id"
    elif not labels.is_absent and isinstance(labels.location_source, LocationTable):
        source = labels.location_source
        path, key, key_column = source.file, "location_id", source.location_id or "location_id"
    else:
        raise RunRefused(
            "dataset.fold_column: needs labels.locations to be a table of locations; name a CSV file of area_id and "
            f"{dataset.fold_column} as dataset.fold_file"
        )
    table = open_table(path)
    return FoldTable(table, key, _column(table, key_column), _column(table, dataset.fold_column))


def _column(table: CsvTable, name: str) -> str:
    fits = [column for column in table.header if column.casefold() == " ".join(name.split()).casefold()]
    if len(fits) != 1:
        how_many = "appears twice in the header" if fits else "is not in the header"
        raise RunRefused(
            f"{table.uri}: the column {name} {how_many} (dataset.fold_column); there are "
            f"{', '.join(table.header) or 'none'}"
        )
    return fits[0]


def read_user_folds(numbered: DataFrame, config: RunConfig) -> tuple[pd.DataFrame, list[str]]:
    """`unit` and `user_fold` of each unit with a value, and sentences about rows that are not used.

    Raises:
        RunRefused: where `open_fold_table` refuses; a damaged row; a unit with several values; or none with a value.
    """
    fold_table = open_fold_table(config)
    with staged(_rows(numbered, fold_table), config.work_dir, "user_folds") as rows:
        joined = numbered.select("unit", fold_table.key).distinct().join(rows, on=fold_table.key, how="inner")
        pairs = joined.where("user_fold IS NOT NULL").select("unit", "user_fold").distinct().toPandas()
        unknown = rows.join(numbered, on=fold_table.key, how="left_anti").select(fold_table.key).distinct()
        examples = [row[0] for row in unknown.orderBy(fold_table.key).limit(1).collect()]
        n_unknown = unknown.count()
    pairs = pairs.sort_values(["unit", "user_fold"], ignore_index=True)
    _refuse_conflicts(pairs, fold_table, config.dataset.split_level)
    if pairs.empty:
        raise RunRefused(
            f"{fold_table.table.uri}: gives no fold ({fold_table.fold_column}) to any area with photographs"
            + (f"; its areas are e.g. {examples[0]}" if examples else "")
        )
    if not n_unknown or fold_table.key == "location_id":  # labels and this stage have counted locations
        return pairs, []
    what = f"{n_unknown} area(s) of {fold_table.table.uri} have no location with photographs, e.g. {examples[0]}"
    return pairs, [f"{what}: not used"]


def _rows(numbered: DataFrame, fold_table: FoldTable) -> DataFrame:
    """The columns `key` and `user_fold`, one row per id and fold; RunRefused for a damaged row of a table of areas."""
    from pyspark.sql import functions as F

    columns = (fold_table.key_column, fold_table.fold_column)
    rows = spark_rows(numbered.sparkSession, fold_table.table, columns)
    if fold_table.key == "area_id":
        damaged = rows.where(f"{MALFORMED} IS NOT NULL").select(MALFORMED).first()
        if damaged is not None:
            raise RunRefused(f"{fold_table.table.uri}, {damaged[0]}; correct the row")
    ids = [column for column in columns if column == fold_table.fold_column or fold_table.key == "location_id"]
    codes = [column for column in columns if column not in ids]
    normal = rows.mapInArrow(partial(normalise_columns, ids=ids, codes=codes), rows.schema)
    value = F.expr(f"nullif(`{fold_table.fold_column}`, '')").alias("user_fold")
    return normal.select(F.col(f"`{fold_table.key_column}`").alias(fold_table.key), value).distinct()


def _refuse_conflicts(pairs: pd.DataFrame, fold_table: FoldTable, level: str) -> None:
    in_two = pairs[pairs["unit"].duplicated(keep=False)]
    if len(in_two):
        unit = in_two["unit"].iloc[0]
        values = in_two.loc[in_two["unit"] == unit, "user_fold"].tolist()
        raise RunRefused(
            f"{fold_table.table.uri}: {in_two['unit'].nunique()} {level}(s) have several folds, e.g. {unit} has "
            f"{fold_table.fold_column} {' and '.join(values[:3])}; all locations of one {level} must be in one fold"
        )
