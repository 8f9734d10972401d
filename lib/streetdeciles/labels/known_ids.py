"""Whether the table of locations has any of some ids, without Spark and within seconds."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from streetdeciles.config import LocationTable, PostcodeLocations
from streetdeciles.csv_tables.spans import span_tables, whole
from streetdeciles.csv_tables.table import CsvTable
from streetdeciles.ids.spelling import normalise_ids
from streetdeciles.labels.location_table import open_locations
from streetdeciles.labels.postcodes import open_list

if TYPE_CHECKING:
    import pyarrow as pa

MAX_SECONDS = 5.0
"""Some 10 million rows."""


def table_of_ids(section: LocationTable | PostcodeLocations) -> CsvTable | None:
    """The table whose `location_id`, or else `postcode`, are the locations' ids; None for all postcodes there are."""
    if isinstance(section, LocationTable):
        return open_locations(section).table
    return open_list(section.photographs) if section.photographs is not None else None


def knows_any(table: CsvTable, location_ids: Collection[str], *, max_seconds: float = MAX_SECONDS) -> bool | None:
    """Whether a row of the table has one of the normalised ids; None where that is not known after `max_seconds`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    end = time.monotonic() + max_seconds
    sought = pa.array([*location_ids], pa.string())
    for ids in _id_blocks(table):
        if pc.any(pc.is_in(ids, value_set=sought)).as_py():
            return True
        if time.monotonic() > end:
            return None
    return False


def example_id(table: CsvTable) -> str:
    """The first location_id of the table, '' where it has no rows."""
    for ids in _id_blocks(table):
        if len(ids):
            return str(ids[0].as_py())
    return ""


def _id_blocks(table: CsvTable) -> Iterator[pa.Array]:
    """The normalised location_ids, block by block."""
    column = "location_id" if "location_id" in table.header else "postcode"
    for file in table.files:
        for rows in span_tables(whole(file), table, (column,)):
            yield normalise_ids(rows.column(column).combine_chunks())
