"""Values for the sections labels and dataset of a first config, from the table and the locations."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from streetdeciles.config import LabelTable, LocationTable
from streetdeciles.csv_tables.spans import span_tables, whole
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import read_boundaries
from streetdeciles.ids.spelling import normalise_ids
from streetdeciles.labels.areas import read_areas
from streetdeciles.labels.location_table import LocationFile, open_locations
from streetdeciles.labels.preflight import MAX_BOUNDARIES_BYTES, MAX_TABLE_BYTES
from streetdeciles.sources.opening import SourceTable, open_source

MAX_DISTRICTS = 12
"""The maximum number of districts that are listed; with more, the region is the whole table."""

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Places:
    """Values for the sections labels and dataset. `districts` is empty where every area of the table is meant."""

    publication: str
    outcomes: list[str]
    region: str
    districts: list[str]


def location_files(photographs: Path) -> list[Path]:
    """The CSV files beside the photographs, or beside their folder, that are tables of locations."""
    return [
        path for folder in (photographs, photographs.parent) for path in sorted(folder.glob("*.csv")) if _fits(path)
    ]


def _fits(path: Path) -> bool:
    try:
        open_locations(LocationTable(path=str(path)))
    except RunRefused:
        return False
    return True


def open_location_file(path: Path) -> LocationFile:
    """RunRefused if its columns do not say where locations are."""
    return open_locations(LocationTable(path=str(path)))


def read_places(table: Path, locations: LocationFile, boundaries: Path | None) -> Places:
    """What the table gives, and the districts of the areas of the locations, or else of the boundaries."""
    source = open_source(LabelTable(path=str(table)))
    outcomes = sorted(source.layout.outcomes)
    districts = _districts(source, outcomes[0], _area_ids(locations, boundaries))
    name = "_".join(re.findall(r"[a-z0-9]+", districts[0].lower())) if len(districts) == 1 else "region"
    return Places(source.layout.publication, outcomes, name if districts else EVERYWHERE, districts)


def _area_ids(locations: LocationFile, boundaries: Path | None) -> Collection[str]:
    if "area_id" in locations.table.header:
        return {*_column(locations, "area_id")}
    if boundaries is not None and boundaries.stat().st_size <= MAX_BOUNDARIES_BYTES:
        return {*read_boundaries(str(boundaries), None, None).polygons.area_ids}
    return ()


def _column(locations: LocationFile, name: str) -> Iterator[str]:
    for file in locations.table.files:
        for rows in span_tables(whole(file), locations.table, (name,)):
            yield from normalise_ids(rows.column(name).combine_chunks()).to_pylist()


def _districts(source: SourceTable, outcome: str, area_ids: Collection[str]) -> list[str]:
    """The districts of these areas by the table; empty if it does not say, or if they are too many to be listed."""
    if not area_ids or not source.is_quick or source.size > MAX_TABLE_BYTES:
        return []
    areas = read_areas([source], [outcome]).frame
    names = areas["district_name"].reindex([*area_ids]).dropna().unique()
    return sorted(map(str, names)) if len(names) <= MAX_DISTRICTS else []
