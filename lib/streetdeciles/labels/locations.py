"""The table of locations: each row with its area and region, or left out with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import LabelsConfig, PostcodeLocations
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaPolygons
from streetdeciles.labels.boundaries import fill_areas, write_polygons
from streetdeciles.labels.coordinates import to_degrees
from streetdeciles.labels.location_table import LocationFile, open_locations
from streetdeciles.labels.postcodes import PostcodeSource, open_postcodes
from streetdeciles.queries import query
from streetdeciles.sources.lookups import Lookups, read_lookups
from streetdeciles.stages import LABELS_STAGE
from streetdeciles.staging import staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

LocationSource = LocationFile | PostcodeSource

_query = partial(query, "streetdeciles.labels")

NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def open_source(labels: LabelsConfig) -> LocationSource:
    """Where the locations come from; RunRefused where the columns are not fit for it."""
    section = labels.location_source
    if isinstance(section, PostcodeLocations):
        return open_postcodes(section)
    return open_locations(section, has_boundaries=labels.boundaries is not None, has_lookups=bool(labels.lookups))


def read_lookups_for(source: LocationSource, labels: LabelsConfig) -> Lookups | None:
    """The look-ups of the config, None for none; RunRefused where only output areas could help and they have none."""
    lookups = read_lookups(labels.lookups) if labels.lookups else None
    by_points = source.has_points and labels.boundaries is not None
    by_codes = isinstance(source, PostcodeSource) or source.has_area_ids
    if lookups is not None and lookups.output_areas.empty and not by_points and not by_codes:
        raise RunRefused(
            f"{source.path}: has output areas and no column area_id, and none of labels.lookups has output areas; add "
            "the ONS look-up of output areas to LSOAs (OA11CD or OA21CD), or a postcode directory"
        )
    return lookups


@dataclass(frozen=True)
class LocationCounts:
    """Rows of the file, of which the located are passed on."""

    in_file: int
    located: int
    left_out: dict[str, int] = field(default_factory=dict)
    ignored_coordinates: int = 0
    """Locations that were found by area_id, and whose coordinates, which are not on earth, were dropped."""


@contextmanager
def located(
    read: DataFrame, areas: DataFrame, source: LocationSource, polygons: AreaPolygons | None, work_dir: str
) -> Iterator[DataFrame]:
    """Each of the rows that were `read` from the source, with its region, or the reason for which it has none.

    `areas` holds area_id and region (null: in none) of all areas of the tables. They are kept until the end.
    """
    file_of_polygons = None if polygons is None else storage.staging_uri(work_dir, "polygons")
    try:
        if polygons is not None and file_of_polygons is not None:
            write_polygons(polygons, file_of_polygons)
        # Staged, because Spark takes seconds to plan each query on rows that several joins of one another have made.
        with staged(_judged(read, areas, source, file_of_polygons), work_dir, "judged") as judged:
            repeated = _query("repeated_keys", rows=judged)
            arguments = {"shares_photographs": source.shares_photographs, "file": source.path.rsplit("/", 1)[-1]}
            with staged(_query("located_rows", arguments, rows=judged, repeated=repeated), work_dir, "located") as rows:
                yield rows
    finally:
        if file_of_polygons is not None:
            storage.remove(file_of_polygons)


def _judged(rows: DataFrame, areas: DataFrame, source: LocationSource, polygons: str | None) -> DataFrame:
    arguments: dict[str, Any] = {"number": NUMBER, "in_degrees": source.in_degrees}
    cleaned = _query("location_rows", arguments, rows=rows)
    if source.crs is not None or polygons is not None:
        cleaned = cleaned.mapInArrow(partial(_with_points, crs=source.crs, polygons=polygons), cleaned.schema)
    return _query("judged_rows", {"has_boundaries": polygons is not None}, rows=cleaned, areas=areas)


def _with_points(batches: Iterator[pa.RecordBatch], crs: str | None, polygons: str | None) -> Iterator[pa.RecordBatch]:
    if crs is not None:
        batches = to_degrees(batches, crs)
    yield from batches if polygons is None else fill_areas(batches, polygons)


def count(judged: DataFrame, path: str, *, hint: str = "") -> LocationCounts:
    """How many rows go where; RunRefused where a location_id appears twice, or no location is in a region.

    `hint` is what else there is to say in the second case.
    """
    from pyspark.sql import functions as F

    is_again = F.col("location_id").isNotNull() & (F.col("copy") > 1)
    by_reason = judged.groupBy("reason").agg(
        F.count("*").alias("n"),
        F.sum((F.col("problem").isNotNull()).cast("int")).alias("problems"),
        F.sum(is_again.cast("int")).alias("again"),
        F.min(F.when(is_again, F.col("location_id"))).alias("example"),
    )
    counted = sorted(by_reason.collect(), key=lambda row: row["reason"] or "")
    examples = [row["example"] for row in counted if row["again"]]
    if examples:
        raise RunRefused(
            f"{path}: location_id {min(examples)!r} appears more than once, and {sum(row['again'] for row in counted)} "
            "row(s) repeat a location_id; expected one row per location"
        )
    left_out = {row["reason"]: int(row["n"]) for row in counted if row["reason"] is not None}
    located = sum(int(row["n"]) for row in counted if row["reason"] is None)
    ignored = sum(int(row["problems"]) for row in counted if row["reason"] is None)
    if not located:
        why = ", ".join(f"{n} {reason}" for reason, n in left_out.items()) or "it has no rows"
        why += f"; {hint}" if hint else ""
        raise RunRefused(f"{path}: none of its locations is in an area of labels.regions ({why})")
    return LocationCounts(located + sum(left_out.values()), located, left_out, ignored)


def left_out(judged: DataFrame) -> DataFrame:
    """The rows that table `left_out` lists; a row without location_id is named by what it holds."""
    from pyspark.sql import functions as F

    listed = judged.where("left_out_id IS NOT NULL")
    return listed.select(F.col("left_out_id").alias("id"), "reason", "detail", F.lit(LABELS_STAGE).alias("stage"))
