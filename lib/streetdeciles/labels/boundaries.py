"""The boundaries as the labels use them: they must draw the areas, and locations are found in them on the executors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from streetdeciles.config import Boundaries
from streetdeciles.errors import RunRefused
from streetdeciles.geography.boundaries import AreaPolygons, read_boundaries

if TYPE_CHECKING:
    import pyarrow as pa


def refuse_other_areas(section: Boundaries, drawn: Collection[str], area_ids: Sequence[str], *, hint: str = "") -> None:
    """RunRefused where none of `area_ids`, the areas of labels.regions, is among those that the boundaries draw."""
    if not {*drawn}.isdisjoint(area_ids):
        return
    raise RunRefused(
        f"{section.path}: none of the {len(area_ids)} areas of labels.regions is in it; property "
        f"{section.area_id} (labels.boundaries.area_id) holds e.g. {min(drawn, default='nothing')}, "
        f"the tables e.g. {area_ids[0]}{f'; {hint}' if hint else ''}"
    )


@lru_cache(maxsize=1)
def _polygons_of_worker(path: str, area_id: str, digest: str) -> AreaPolygons:
    # `digest` is there for the cache: a worker that lives on must not keep polygons of a file that has changed.
    return read_boundaries(path, area_id).polygons


def fill_areas(batches: Iterator[pa.RecordBatch], path: str, area_id: str, digest: str) -> Iterator[pa.RecordBatch]:
    """Batches with `area_id` filled in by longitude and latitude where it is null and the point is in an area.

    Each worker process reads the boundaries once; the digest is that of `read_boundaries`.
    """
    import pyarrow as pa

    for batch in batches:
        known = batch.column("area_id").to_numpy(zero_copy_only=False)
        longitude = batch.column("longitude").to_numpy(zero_copy_only=False).astype(float)
        latitude = batch.column("latitude").to_numpy(zero_copy_only=False).astype(float)
        asked = [i for i in range(batch.num_rows) if known[i] is None and longitude[i] == longitude[i]]
        if asked:
            polygons = _polygons_of_worker(path, area_id, digest)
            known = known.copy()
            known[asked] = polygons.areas_at(longitude[asked], latitude[asked])
        place = batch.schema.get_field_index("area_id")
        columns = [*batch.columns]
        columns[place] = pa.array(known, pa.string())
        yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)
