"""Whether the file of locations has any of some ids, without Spark and within seconds."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from streetdeciles.csv_tables.spans import span_tables, whole
from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.ids.spelling import normalise_ids

if TYPE_CHECKING:
    import pyarrow as pa

MAX_SECONDS = 5.0
"""Some 10 million rows."""


def knows_any(path: str, location_ids: Collection[str], *, max_seconds: float = MAX_SECONDS) -> bool | None:
    """Whether a row of the table has one of the normalised ids; None where that is not known after `max_seconds`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    end = time.monotonic() + max_seconds
    sought = pa.array([*location_ids], pa.string())
    for ids in _id_blocks(open_table(path)):
        if pc.any(pc.is_in(ids, value_set=sought)).as_py():
            return True
        if time.monotonic() > end:
            return None
    return False


def example_id(path: str) -> str:
    """The first location_id of the table, '' where it has no rows."""
    for ids in _id_blocks(open_table(path)):
        if len(ids):
            return str(ids[0].as_py())
    return ""


def _id_blocks(table: CsvTable) -> Iterator[pa.Array]:
    """The normalised location_ids, block by block."""
    for file in table.files:
        for rows in span_tables(whole(file), table, ("location_id",)):
            yield normalise_ids(rows.column("location_id").combine_chunks())
