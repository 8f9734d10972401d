"""The boundaries as the labels use them: they must draw the areas, and locations are found in them on the executors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaBoundaries, AreaPolygons

if TYPE_CHECKING:
    import pyarrow as pa


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


def write_polygons(polygons: AreaPolygons, uri: str) -> None:
    """Write them where workers read them: a plan of Spark Connect has no room for those of a country."""
    import pyarrow.parquet as pq

    file = BytesIO()
    pq.write_table(polygons.to_table(), file)
    storage.write_bytes(uri, file.getvalue())


@cache
def _polygons_at(uri: str) -> AreaPolygons:
    """Read once by each worker process; each run writes them to another URI."""
    import pyarrow.parquet as pq

    return AreaPolygons.of_table(pq.read_table(BytesIO(storage.read_bytes(uri))))


def fill_areas(batches: Iterator[pa.RecordBatch], polygons: str) -> Iterator[pa.RecordBatch]:
    """Batches with `area_id` filled in by longitude and latitude where it is null and the point is in an area.

    `polygons` is the URI to which `write_polygons` has written.
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
        area_of_point = pa.array(_polygons_at(polygons).areas_at(*points), pa.string())
        columns = [*batch.columns]
        columns[batch.schema.get_field_index("area_id")] = pc.replace_with_mask(area_ids, is_asked, area_of_point)
        yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)
