"""The boundaries as the labels use them: they must draw the areas, and locations are found in them on the executors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaBoundaries, AreaPolygons

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast


def refuse_other_areas(path: str, found: AreaBoundaries, area_ids: Sequence[str], *, hint: str = "") -> None:
    """RunRefused where none of `area_ids`, the areas of labels.regions, is among those that the boundaries draw."""
    drawn = {*found.polygons.area_ids}
    if not drawn.isdisjoint(area_ids):
        return
    raise RunRefused(
        f"{path}: none of the {len(area_ids)} areas of labels.regions is in it; property "
        f"{found.code_property} (labels.boundaries.area_id) holds e.g. {min(drawn, default='nothing')}, "
        f"the tables e.g. {area_ids[0]}{f'; {hint}' if hint else ''}"
    )


def fill_areas(batches: Iterator[pa.RecordBatch], polygons: Broadcast[AreaPolygons]) -> Iterator[pa.RecordBatch]:
    """Batches with `area_id` filled in by longitude and latitude where it is null and the point is in an area.

    Each worker process makes the polygons and their index once, from what the driver has read.
    """
    import pyarrow as pa

    for batch in batches:
        known = batch.column("area_id").to_numpy(zero_copy_only=False)
        longitude = batch.column("longitude").to_numpy(zero_copy_only=False).astype(float)
        latitude = batch.column("latitude").to_numpy(zero_copy_only=False).astype(float)
        asked = [i for i in range(batch.num_rows) if known[i] is None and longitude[i] == longitude[i]]
        if asked:
            known = known.copy()
            known[asked] = polygons.value.areas_at(longitude[asked], latitude[asked])
        place = batch.schema.get_field_index("area_id")
        columns = [*batch.columns]
        columns[place] = pa.array(known, pa.string())
        yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)
