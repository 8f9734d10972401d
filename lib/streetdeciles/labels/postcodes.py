"""Postcodes as locations: those of a list of photographs, or all of a directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.config import PostcodeLocations
from streetdeciles.csv_tables.on_spark import spark_rows
from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_columns
from streetdeciles.queries import query
from streetdeciles.sources.postcodes import PostcodeColumns, open_directory

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_query = partial(query, "streetdeciles.labels")

NATIONAL_GRID = "EPSG:27700"

ID_NAMES = ("location_id", "img_id", "image_id")
POSTCODE_NAMES = ("postcode", "pcds", "pcd", "pcd7", "pcd8", "pcd2", "post_code")


@dataclass(frozen=True)
class PostcodeSource:
    """A directory of postcodes, and perhaps the list of those that have photographs."""

    section: PostcodeLocations
    directory: CsvTable
    columns: PostcodeColumns
    photographs: CsvTable | None
    """With the columns `location_id` and `postcode`."""

    @property
    def path(self) -> str:
        return self.section.file

    has_points = True

    @property
    def in_degrees(self) -> bool:
        return self.columns.in_degrees

    @property
    def crs(self) -> str | None:
        """The reference system of coordinates that are not degrees; None if they are."""
        return None if self.in_degrees else NATIONAL_GRID

    @property
    def unit(self) -> str:
        return "postcodes in the directory" if self.photographs is None else "rows in the list of photographs"

    @property
    def shares_photographs(self) -> bool:
        """Whether rows of one location_id are one location: several postcodes of one photograph."""
        return self.photographs is not None

    def rows(self, spark: SparkSession, year: int | None) -> DataFrame:
        """`location_table.COLUMNS`, `postcode`, `excluded` and `malformed` as text, with the areas of a census year.

        There is one row for each postcode of the directory, or for each row of the list of photographs.
        """
        areas = self.columns.areas_of(year)
        columns = {
            "postcode": self.columns.postcode,
            "terminated": self.columns.terminated,
            "user_type": self.columns.user_type,
            "area_id": areas.lsoa,
            "oa": areas.oa,
            "msoa": areas.msoa,
            "district": self.columns.district,
            "latitude": self.columns.latitude,
            "longitude": self.columns.longitude,
        }
        arguments = {
            "terminated": self.section.terminated,
            "large_users": self.section.large_users,
            "in_degrees": self.in_degrees,
        }
        read = spark_rows(spark, _with_names(self.directory, columns), [*columns])
        directory = _query("directory_rows", arguments, rows=read)
        if self.photographs is None:
            return directory
        listed = spark_rows(spark, self.photographs, ("location_id", "postcode"))
        normalise = partial(normalise_columns, ids=("location_id", "postcode"))
        return _query("photographed_rows", listed=listed.mapInArrow(normalise, listed.schema), directory=directory)


def open_postcodes(section: PostcodeLocations) -> PostcodeSource:
    """The directory and the list that the section names; RunRefused where their columns are others."""
    directory, columns = open_directory(section.postcodes)
    photographs = open_list(section.photographs) if section.photographs is not None else None
    return PostcodeSource(section, directory, columns, photographs)


def open_list(path: str) -> CsvTable:
    """The list with the columns `location_id`, which may be the postcode as it is written there, and `postcode`."""
    table = open_table(path)
    postcode = _first(table.header, POSTCODE_NAMES)
    if postcode is None:
        raise RunRefused(
            f"{path}: expected a column of postcodes, called postcode, pcds or pcd, and perhaps img_id or location_id; "
            f"there are {', '.join(table.header)}"
        )
    location_id = _first(table.header, ID_NAMES)
    return _with_names(table, {"location_id": location_id, "postcode": postcode})


def _first(header: Sequence[str], names: Sequence[str]) -> str | None:
    folded = {column.casefold(): column for column in reversed(header)}
    return next((folded[name] for name in names if name in folded), None)


def _with_names(table: CsvTable, columns: dict[str, str | None]) -> CsvTable:
    """The table with our names of columns in its header, and none but these."""
    names = {column: name for name, column in columns.items() if column is not None}
    return replace(table, header=tuple(names.get(column, f"column {i}") for i, column in enumerate(table.header)))
