"""The areas of a run, their regions and their deciles, from the tables, look-ups, boundaries and postcodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.config import LabelsConfig
from streetdeciles.geography.boundaries import AreaBoundaries
from streetdeciles.labels.areas import (
    Areas,
    KnownOutcome,
    known_outcomes,
    label_areas,
    open_tables,
    read_areas,
    tables_year,
)
from streetdeciles.labels.census_years import year_of
from streetdeciles.labels.districts import with_districts
from streetdeciles.labels.locations import LocationSource, read_lookups_for
from streetdeciles.labels.regions import assign_regions
from streetdeciles.sources.lookups import Lookups

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class AreaLabels:
    """What the stage knows of its areas."""

    areas: Areas
    outcomes: Mapping[str, KnownOutcome]
    region_of: pd.Series
    """By area_id, of the areas that are in a region."""
    labelled: pd.DataFrame
    """`areas.label_areas`."""
    lookups: Lookups | None
    year: int
    """The census year of the areas; 2011 if nothing says it."""

    @property
    def area_ids(self) -> pd.Index:
        return self.areas.frame.index


def read_area_labels(
    spark: SparkSession,
    labels: LabelsConfig,
    asked: Collection[str],
    source: LocationSource,
    boundaries: AreaBoundaries | None,
) -> AreaLabels:
    """The areas of the config's tables, labelled over its regions; RunRefused where the outcomes `asked` cannot be."""
    sources = open_tables(labels.tables)
    known = known_outcomes(sources, asked)
    lookups = read_lookups_for(source, labels)
    areas = read_areas(sources, asked, lookups, boundaries.names if boundaries else None)
    year = census_year(areas.frame.index, tables_year(sources))
    frame = with_districts(spark, areas.frame, source, year)
    outcomes = {outcome: column for outcome, column in known.items() if outcome in frame}
    region_of = assign_regions(frame, labels.regions)
    return AreaLabels(areas, outcomes, region_of, label_areas(frame, region_of, outcomes, asked), lookups, year)


def census_year(area_ids: Iterable[str], year_of_tables: int | None) -> int:
    """The census year of areas by their codes, else that of the tables, else 2011."""
    return year_of(area_ids) or year_of_tables or 2011
