"""The boundaries as the labels use them: they must draw the areas, and locations are found in them on the executors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaBoundaries, AreaPolygons

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast


def refuse_other_areas(path: str, boundaries: AreaBoundaries, area_ids: Sequence[str], *, hint: str = "") -> None:
    """RunRefused where none of `area_ids`, the areas of labels.regions, is among those that the boundaries draw."""
    drawn = {*boundaries.polygons.area_ids}
    if not drawn.isdisjoint(area_ids):
        return
    raise RunRefused(
        f"{path}: none of the {len(area_ids)} areas of labels.regions is in it; property "
        f"{boundaries.code_property} (labels.boundaries.area_id) holds e.g. {min(drawn, default='nothing')}, "
        f"the tables e.g. {area_ids[0]}{f'; {hint}' if hint else ''}"
    )


def fill_areas(batches: Iterator[pa.RecordBatch], polygons: Broadcast[AreaPolygons]) -> Iterator[pa.RecordBatch]:
    """Batches with `area_id` filled in by longitude and latitude where it is null and the point is in an area.

    Each worker process makes the polygons and their index once, from what the driver has read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches:
        area_ids, longitude, latitude = (batch.column(name) for name in ("area_id", "longitude", "latitude"))
        is_asked = pc.and_(pc.is_null(area_ids), pc.is_valid(longitude))
        if not pc.any(is_asked).as_py():
            yield batch
            continue
        points = [column.filter(is_asked).to_numpy(zero_copy_only=False) for column in (longitude, latitude)]
        area_of_point = pa.array(polygons.value.areas_at(*points), pa.string())
        columns = [*batch.columns]
        columns[batch.schema.get_field_index("area_id")] = pc.replace_with_mask(area_ids, is_asked, area_of_point)
        yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)
