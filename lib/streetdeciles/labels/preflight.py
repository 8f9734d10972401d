"""What the stage labels can see before a run, without Spark: headers, districts, outcomes, boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.config import Boundaries, LabelsConfig, RunConfig
from streetdeciles.geography.boundaries import check_properties, read_boundaries
from streetdeciles.ids.lookalikes import loose_spelling
from streetdeciles.labels.areas import known_outcomes, label_areas, open_tables, read_areas
from streetdeciles.labels.boundaries import refuse_other_areas
from streetdeciles.labels.locations import open_source
from streetdeciles.labels.regions import assign_regions
from streetdeciles.sources.lookups import read_lookups

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

MAX_TABLE_BYTES = 32 << 20
"""England's tables have 8 MB and are read in a second. Of larger ones only the header is read here."""

MAX_BOUNDARIES_BYTES = 16 << 20
"""In larger files the properties' names are looked for, and nothing else."""


def preflight(config: RunConfig) -> None:
    """RunRefused where the inputs cannot make labels; rows of locations are not read."""
    labels, asked = config.labels, config.dataset.outcomes
    open_source(labels.location_source, has_boundaries=labels.boundaries is not None)
    areas = _labelled_areas(labels, asked)
    if labels.boundaries is not None:
        _check_boundaries(labels.boundaries, areas)


def _labelled_areas(labels: LabelsConfig, asked: Collection[str]) -> pd.Index | None:
    """The areas of the regions, or None where the tables are too large to be read here."""
    sources = open_tables(labels.tables)
    known = known_outcomes(sources, asked)
    if sum(source.size for source in sources) > MAX_TABLE_BYTES or not all(source.is_quick for source in sources):
        return None
    areas = read_areas(sources, asked, read_lookups(labels.lookups) if labels.lookups else None).frame
    outcomes = {outcome: known[outcome] for outcome in asked}
    return label_areas(areas, assign_regions(areas, labels.regions), outcomes, asked).index


def _check_boundaries(section: Boundaries, area_ids: pd.Index | None) -> None:
    fs, path = storage.filesystem(section.path)
    if fs.size(path) > MAX_BOUNDARIES_BYTES:
        check_properties(section.path, section.area_id, section.name)
        return
    found = read_boundaries(section.path, section.area_id, section.name)
    if area_ids is not None and not _look_alike({*found.polygons.area_ids}, area_ids):
        refuse_other_areas(section.path, found, list(area_ids))


def _look_alike(drawn: Collection[str], area_ids: Collection[str]) -> bool:
    """Whether some are the same but for their spelling, of which the stage itself says more."""
    import pyarrow as pa

    loose = [{*loose_spelling(pa.array([*codes], pa.string())).to_pylist()} for codes in (drawn, area_ids)]
    return bool(loose[0] & loose[1])
