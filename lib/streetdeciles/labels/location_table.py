"""A user's table of locations: which of its columns hold the id, the area and the coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.config import LocationTable
from streetdeciles.csv_tables.on_spark import spark_rows
from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_columns
from streetdeciles.labels.coordinates import is_geographic

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = ("location_id", "area_id", "oa", "msoa", "district", "latitude", "longitude")
CODES = ("area_id", "oa", "msoa", "district")

USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "oa": ("oa", "oa11", "oa21", "oa11cd", "oa21cd"),
    "latitude": ("latitude", "lat", "y"),
    "longitude": ("longitude", "long", "lng", "lon", "x"),
    "northing": ("northing", "northings", "osnrth1m", "north1m", "y"),
    "easting": ("easting", "eastings", "oseast1m", "east1m", "x"),
}
"""In small or capital letters; the first that the header has is used. Other columns have their own names only."""


@dataclass(frozen=True)
class LocationFile:
    """A table of locations whose header has the names of COLUMNS; `latitude` and `longitude` may be in a CRS."""

    section: LocationTable
    table: CsvTable
    same_as: Mapping[str, str] = field(default_factory=dict)
    """Names of COLUMNS that are not in the header, as another name stands for the same column."""

    unit = "locations in the file"
    shares_photographs = False
    """Whether rows of one location_id are one location."""

    @property
    def path(self) -> str:
        return self.section.file

    @property
    def crs(self) -> str | None:
        return self.section.crs

    @property
    def in_degrees(self) -> bool:
        return _is_in_degrees(self.section)

    @property
    def has_points(self) -> bool:
        return {"latitude", "longitude"} <= {*self.table.header}

    @property
    def has_area_ids(self) -> bool:
        return "area_id" in {*self.table.header, *self.same_as}

    def rows(self, spark: SparkSession, year: int | None = None) -> DataFrame:
        """COLUMNS and `malformed` (see `spark_rows`) as text, ids and codes normalised.

        And what only postcodes have, `postcode` and `excluded`, null. A table has its areas of whatever `year`.
        """
        from pyspark.sql import functions as F

        rows = spark_rows(spark, self.table, COLUMNS)
        normalise = partial(normalise_columns, ids=("location_id", "latitude", "longitude"), codes=CODES)
        same = {name: F.col(other) for name, other in self.same_as.items()}
        copied = rows.withColumns(same) if same else rows  # Spark Connect refuses an empty dict
        normal = copied.mapInArrow(normalise, rows.schema)
        nothing = F.lit(None).cast("string")
        return normal.withColumns({"postcode": nothing, "excluded": nothing})


def open_locations(section: LocationTable, *, has_boundaries: bool = True, has_lookups: bool = True) -> LocationFile:
    """The table that the section names; RunRefused where its columns do not say which location a row is, and where."""
    path, table = section.file, open_table(section.file)
    y, x = ("latitude", "longitude") if _is_in_degrees(section) else ("northing", "easting")
    columns = {
        "location_id": _find(section, table.header, "location_id"),
        "area_id": _find(section, table.header, "area_id"),
        **{name: _find(section, table.header, name) for name in ("oa", "msoa", "district")},
        "latitude": _find(section, table.header, y),
        "longitude": _find(section, table.header, x),
    }
    has_points = columns["latitude"] is not None and columns["longitude"] is not None
    if columns["location_id"] is None or not (columns["area_id"] or columns["oa"] or has_points):
        raise RunRefused(
            f"{path}: expected the columns location_id and area_id, or location_id, {y} and {x}; "
            f"there are {', '.join(table.header) or 'none'}. labels.locations may name others; oa in place of area_id "
            "needs a look-up in labels.lookups"
        )
    if columns["area_id"] is None and not (has_points and has_boundaries) and not (columns["oa"] and has_lookups):
        _refuse_without_areas(path, columns["oa"], has_points=has_points)
    return _renamed(section, table, {name: column for name, column in columns.items() if column is not None})


def _refuse_without_areas(path: str, oa: str | None, *, has_points: bool) -> None:
    problem = f"{path}: has no column area_id, so"
    if oa is None:
        raise RunRefused(f"{problem} labels.boundaries must be set to find the areas by coordinates")
    boundaries = ", or labels.boundaries to find them by coordinates" if has_points else ""
    raise RunRefused(
        f"{problem} labels.lookups must have a look-up of output areas to LSOAs to find the areas by column {oa}"
        f"{boundaries}"
    )


def _is_in_degrees(section: LocationTable) -> bool:
    if section.easting or section.northing:
        return False
    return section.crs is None or is_geographic(section.crs)


def _find(section: LocationTable, header: Sequence[str], key: str) -> str | None:
    """The column of the header that `labels.locations.<key>` names, or the first by a usual name."""
    configured = getattr(section, key, None)
    names = USUAL_NAMES.get(key, (key,)) if configured is None else (" ".join(configured.split()).casefold(),)
    for name in names:
        fits = [column for column in header if column.casefold() == name]
        if len(fits) > 1:  # `MSOA` beside `msoa` is most likely a mistake
            raise RunRefused(f"{section.file}: column {name} appears twice in the header; rename one of them")
        if fits:
            return fits[0]
    if configured is not None:
        raise RunRefused(
            f"{section.file}: has no column {configured!r} (labels.locations.{key}); there are "
            f"{', '.join(header) or 'none'}"
        )
    return None


def _renamed(section: LocationTable, table: CsvTable, columns: Mapping[str, str]) -> LocationFile:
    names: dict[str, str] = {}
    same_as: dict[str, str] = {}
    for name, column in columns.items():
        if names.setdefault(column, name) != name:
            same_as[name] = names[column]
    header = tuple(names.get(column, f"column {number}") for number, column in enumerate(table.header, start=1))
    return LocationFile(section, replace(table, header=header), same_as)
