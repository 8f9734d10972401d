"""Stage labels: published tables and the file of locations to `area_labels` and `locations`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import Boundaries, DatasetConfig, RunConfig
from streetdeciles.geography.boundaries import AreaBoundaries, AreaPolygons, read_boundaries
from streetdeciles.geography.coverage import coverage_notes
from streetdeciles.ids.lookalikes import Lookalikes
from streetdeciles.labels.area_codes import (
    alike_in_boundaries,
    alike_in_locations,
    describe_locations,
    refuse_alike,
)
from streetdeciles.labels.area_labels import AreaLabels, read_area_labels
from streetdeciles.labels.area_report import area_counts, area_notes, outcome_notes
from streetdeciles.labels.boundaries import refuse_other_areas
from streetdeciles.labels.census_years import refuse_other_year, translate, unknown_lsoas
from streetdeciles.labels.location_report import location_counts, location_notes
from streetdeciles.labels.location_table import LocationFile
from streetdeciles.labels.locations import LocationCounts, LocationSource, count, left_out, located, open_source
from streetdeciles.queries import spark_frame
from streetdeciles.run_log import StageReport
from streetdeciles.sources.reading import NATIONAL
from streetdeciles.stages import LABELS_STAGE
from streetdeciles.tables import AREA_LABELS, LEFT_OUT, LOCATIONS

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import Column, DataFrame, SparkSession

MAX_FILES = 8
"""The maximum number of files of a table: many small ones are slow to read."""


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write area_labels, locations and left_out/stage=labels; RunRefused before any of them where input is unfit."""
    labels = config.labels
    source = open_source(labels)
    asked = config.dataset.outcomes
    boundaries = _read_boundaries(labels.boundaries)
    known = read_area_labels(spark, labels, asked, source, boundaries)
    labelled = known.labelled
    boundary_notes = _check_boundaries(spark, labels.boundaries, boundaries, known)
    drawn = {*boundaries.polygons.area_ids} if boundaries else set()
    polygons = boundaries.polygons if boundaries and source.has_points else None
    regions = spark_frame(spark, known.areas.frame[[]].join(known.region_of).reset_index())
    read = _rows(spark, known, source, polygons)
    with located(read, regions, source, polygons, config.work_dir) as rows:
        counts, alike = _check_locations(rows, regions, known, source, config.dataset)
        n_labels = storage.write_table(_long(spark, labelled, known.outcomes), AREA_LABELS, config.work_dir)
        used = rows.where("reason IS NULL")
        storage.write_table(used.coalesce(MAX_FILES), LOCATIONS, config.work_dir)
        storage.write_partition(left_out(rows).coalesce(MAX_FILES), LEFT_OUT, config.work_dir, LABELS_STAGE)
        notes = [
            *area_notes(labels.boundaries, drawn, labelled),
            *outcome_notes(labelled, known.areas.unfit),
            *known.areas.notes,
            *boundary_notes,
            *location_notes(used, drawn, counts),
            *([describe_locations(alike)] if alike else []),
        ]
    return StageReport(
        LABELS_STAGE, area_counts(known.areas.frame, labelled, asked) | location_counts(n_labels, counts, source), notes
    )


def _rows(spark: SparkSession, known: AreaLabels, source: LocationSource, polygons: AreaPolygons | None) -> DataFrame:
    """The rows of the source, their areas translated to the tables' year where a look-up says how."""
    rows = source.rows(spark, known.year)
    if known.lookups is None:
        return rows
    return translate(rows, known.lookups, known.area_ids, known.year, has_boundaries=polygons is not None)


def _check_locations(
    rows: DataFrame, regions: DataFrame, known: AreaLabels, source: LocationSource, settings: DatasetConfig
) -> tuple[LocationCounts, Sequence[Lookalikes]]:
    """The counts, and codes of areas that only look alike; RunRefused where too little of the input can be used."""
    if known.lookups is None or not known.lookups.translates:
        refuse_other_year(unknown_lsoas(rows), known.area_ids, known.year, source.path)
    # Codes of a directory are the publisher's own.
    alike = alike_in_locations(rows, regions) if isinstance(source, LocationFile) else []
    counts = count(rows, source.path, hint=describe_locations(alike))
    refuse_alike(alike, source.path, settings, locations=counts.in_file)
    return counts, alike


def _read_boundaries(section: Boundaries | None) -> AreaBoundaries | None:
    return None if section is None else read_boundaries(section.path, section.area_id, section.name)


def _check_boundaries(
    spark: SparkSession, section: Boundaries | None, boundaries: AreaBoundaries | None, known: AreaLabels
) -> tuple[str, ...]:
    """Notes on the boundaries; RunRefused where they draw none of the areas, or those of another census year."""
    if section is None or boundaries is None:
        return ()
    drawn = {*boundaries.polygons.area_ids}
    refuse_other_year(drawn - {*known.area_ids}, known.area_ids, known.year, section.path)
    alike = _alike(spark, known.labelled.index, drawn)
    refuse_other_areas(section.path, boundaries, list(known.labelled.index), hint=alike)
    notes = (*boundaries.notes, *coverage_notes(section.path, boundaries.polygons))
    return (*notes, alike) if alike else notes


def _alike(spark: SparkSession, area_ids: pd.Index, drawn: set[str]) -> str:
    undrawn, unknown = {*area_ids} - drawn, drawn - {*area_ids}
    return alike_in_boundaries(spark, undrawn, unknown) if undrawn and unknown else ""


def _long(spark: SparkSession, labelled: pd.DataFrame, outcomes: Iterable[str]) -> DataFrame:
    """One row per area and outcome, from one row per area."""
    from pyspark.sql import functions as F

    # Without Arrow pandas' NaN arrives as NaN, not as null.
    def known(column: str) -> Column:
        return F.nanvl(F.col(column), F.lit(None).cast("double"))

    wide = spark_frame(spark, labelled.reset_index(names="area_id"))
    long = F.array(
        *[
            F.struct(
                F.lit(outcome).alias("outcome"),
                known(f"{outcome}_value").alias("value"),
                known(f"{outcome}_decile").alias("decile"),
                known(outcome + NATIONAL).alias("national_decile"),
            )
            for outcome in outcomes
        ]
    )
    return wide.select("region", "area_id", F.inline(long))
