"""The table of locations: each row placed in its area and region, or left out with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaPolygons
from streetdeciles.ids.spelling import normalise_columns
from streetdeciles.labels.boundaries import fill_areas
from streetdeciles.queries import query
from streetdeciles.tables import LOCATIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_query = partial(query, "streetdeciles.labels")

COLUMNS = ("location_id", "area_id", "oa", "msoa", "latitude", "longitude")
CODES = ("area_id", "oa", "msoa")
NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class LocationCounts:
    """Rows of the file, of which the located are passed on."""

    in_file: int
    located: int
    left_out: dict[str, int] = field(default_factory=dict)
    ignored_coordinates: int = 0
    """Located by area_id, with coordinates that are no place on earth and are dropped."""


def open_locations(path: str, *, has_boundaries: bool = True) -> CsvTable:
    """The CSV table at `path`; RunRefused where its columns do not say which location a row is, and in which area."""
    table = open_table(path)
    header = table.header
    if "location_id" not in header or not ("area_id" in header or {"latitude", "longitude"} <= {*header}):
        raise RunRefused(
            f"{path}: expected the columns location_id and area_id, or location_id, latitude and longitude; "
            f"there are {', '.join(header) or 'none'}"
        )
    if "area_id" not in header and not has_boundaries:
        raise RunRefused(
            f"{path}: has no column area_id, so labels.boundaries must be set to find the areas by coordinates"
        )
    # `MSOA` beside `msoa` is most likely a mistake; other columns are not read, so they may be called as they like.
    folded = [column.casefold() for column in header if column.casefold() in LOCATIONS.columns]
    doubled = sorted({column for column in folded if folded.count(column) > 1})
    if doubled:
        raise RunRefused(f"{path}: column {', '.join(doubled)} appears twice in the header; rename one of them")
    return table


def place(rows: DataFrame, areas: DataFrame, *, path: str, polygons: AreaPolygons | None) -> DataFrame:
    """Each row of the file with its region, or the reason for which it has none.

    `areas` holds area_id and region (null: in none) of all areas of the tables.
    """
    normalise = partial(normalise_columns, ids=("location_id", "latitude", "longitude"), codes=CODES)
    normal = rows.mapInArrow(normalise, rows.schema)
    cleaned = _query("location_rows", {"number": NUMBER}, rows=normal)
    if polygons is not None:
        sent = rows.sparkSession.sparkContext.broadcast(polygons)
        cleaned = cleaned.mapInArrow(partial(fill_areas, polygons=sent), cleaned.schema)
    arguments = {"has_boundaries": polygons is not None, "file": path.rsplit("/", 1)[-1]}
    return _query("placed_locations", arguments, rows=cleaned, areas=areas)


def count(placed: DataFrame, path: str, *, hint: str = "") -> LocationCounts:
    """How many rows go where; RunRefused where a location_id appears twice, or no location is in a region.

    `hint` is what else there is to say in the second case.
    """
    from pyspark.sql import functions as F

    is_again = F.col("location_id").isNotNull() & (F.col("copy") > 1)
    by_reason = placed.groupBy("reason").agg(
        F.count("*").alias("n"),
        F.sum((F.col("problem").isNotNull()).cast("int")).alias("problems"),
        F.sum(is_again.cast("int")).alias("again"),
        F.min(F.when(is_again, F.col("location_id"))).alias("example"),
    )
    found = sorted(by_reason.collect(), key=lambda row: row["reason"] or "")
    examples = [row["example"] for row in found if row["again"]]
    if examples:
        raise RunRefused(
            f"{path}: location_id {min(examples)!r} appears more than once, and {sum(row['again'] for row in found)} "
            "row(s) repeat a location_id; expected one row per location"
        )
    left_out = {row["reason"]: int(row["n"]) for row in found if row["reason"] is not None}
    located = sum(int(row["n"]) for row in found if row["reason"] is None)
    ignored = sum(int(row["problems"]) for row in found if row["reason"] is None)
    if not located:
        why = ", ".join(f"{n} {reason}" for reason, n in left_out.items()) or "it has no rows"
        why += f"; {hint}" if hint else ""
        raise RunRefused(f"{path}: none of its locations is in an area of labels.regions ({why})")
    return LocationCounts(located + sum(left_out.values()), located, left_out, ignored)


def left_out(placed: DataFrame) -> DataFrame:
    """The rows with a reason, as table `left_out` has them; a row without location_id is named by what it holds."""
    from pyspark.sql import functions as F

    unnamed = F.concat(F.lit("no location_id, no. "), F.col("copy"), F.lit(": "), F.col("content"))
    return placed.where("reason IS NOT NULL").select(
        F.coalesce("location_id", unnamed).alias("id"), "reason", "detail", F.lit("labels").alias("stage")
    )
