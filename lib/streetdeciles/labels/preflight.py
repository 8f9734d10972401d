"""Checks of the stage labels before a run, without Spark: headers, districts, outcomes, boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.config import Boundaries, RunConfig
from streetdeciles.geography.boundaries import AreaBoundaries, check_properties, read_boundaries
from streetdeciles.ids.lookalikes import loose_spelling
from streetdeciles.labels.area_labels import census_year
from streetdeciles.labels.areas import known_outcomes, label_areas, open_tables, read_areas, tables_year
from streetdeciles.labels.boundaries import refuse_other_areas
from streetdeciles.labels.census_years import refuse_other_year
from streetdeciles.labels.districts import come_from_directory
from streetdeciles.labels.locations import open_source, read_lookups_for
from streetdeciles.labels.regions import assign_regions
from streetdeciles.sources.lookups import size_of

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_TABLE_BYTES = 32 << 20
"""England's tables have 8 MB and are read in a second. Only the headers of larger ones are read here."""

MAX_BOUNDARIES_BYTES = 16 << 20
"""Only the names of properties are looked up in larger files."""


def preflight(config: RunConfig) -> None:
    """RunRefused where the inputs cannot make labels; rows of locations are not read."""
    labels, asked = config.labels, config.dataset.outcomes
    source = open_source(labels)
    boundaries = _small_boundaries(labels.boundaries)
    sources = open_tables(labels.tables)
    known = known_outcomes(sources, asked)
    if sum(source.size for source in sources) > MAX_TABLE_BYTES or not all(source.is_quick for source in sources):
        return
    if any(size_of(path) > MAX_TABLE_BYTES for path in labels.lookups):
        return  # a postcode directory
    lookups = read_lookups_for(source, labels)
    areas = read_areas(sources, asked, lookups, boundaries.names if boundaries else None).frame
    if labels.boundaries is not None and boundaries is None and areas["district_name"].isna().all():
        return  # the boundaries say the districts, and are too large to be read here
    if come_from_directory(areas, source):
        return
    outcomes = {outcome: known[outcome] for outcome in asked}
    labelled = label_areas(areas, assign_regions(areas, labels.regions), outcomes, asked).index
    if labels.boundaries is not None and boundaries is not None:
        path, drawn = labels.boundaries.path, {*boundaries.polygons.area_ids}
        refuse_other_year(drawn - {*areas.index}, areas.index, census_year(areas.index, tables_year(sources)), path)
        if not _look_alike(drawn, labelled):
            refuse_other_areas(path, boundaries, list(labelled))


def _small_boundaries(section: Boundaries | None) -> AreaBoundaries | None:
    """The boundaries, or None where there are none, or too many to be read here."""
    if section is None:
        return None
    fs, path = storage.filesystem(section.path)
    if fs.size(path) > MAX_BOUNDARIES_BYTES:
        check_properties(section.path, section.area_id, section.name)
        return None
    return read_boundaries(section.path, section.area_id, section.name)


def _look_alike(drawn: Collection[str], area_ids: Collection[str]) -> bool:
    """Whether some differ only in their spelling; then the stage itself says more."""
    import pyarrow as pa

    loose = [{*loose_spelling(pa.array([*codes], pa.string())).to_pylist()} for codes in (drawn, area_ids)]
    return bool(loose[0] & loose[1])
