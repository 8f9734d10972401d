"""Polygons of areas from GeoJSON, and the area in which a point lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


class AreaPolygons:
    """Polygons in WGS84 degrees, each of an area; an area may have several."""

    def __init__(self, area_ids: list[str], polygons: list[Any]) -> None:
        import numpy as np
        import shapely

        # In order of area_id, so that the first of several polygons at a point is the same however the file is sorted.
        order = np.argsort(np.array(area_ids, dtype=str), kind="stable")
        self.area_ids = np.array(area_ids, dtype=object)[order]
        self.polygons = np.array(polygons, dtype=object)[order]
        shapely.prepare(self.polygons)
        self._tree = shapely.STRtree(self.polygons)

    def areas_at(
        self, longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.object_]:
        """The area_id at each point (degrees, float64 [n]), None where there is no polygon; object [n].

        A point on the border of several areas, or where they overlap, is in the first by area_id.
        """
        import numpy as np
        import shapely

        found = np.full(len(longitude), len(self.area_ids))
        point, polygon = self._tree.query(shapely.points(longitude, latitude))
        hit = shapely.intersects_xy(self.polygons[polygon], longitude[point], latitude[point])
        np.minimum.at(found, point[hit], polygon[hit])
        areas: npt.NDArray[np.object_] = np.array([*self.area_ids, None], dtype=object)[found]
        return areas


def read_boundaries(path: str, area_id: str, name: str | None = None) -> tuple[AreaPolygons, str]:
    """The polygons of the GeoJSON file at `path`, named by the property `area_id`, and a digest of the file.

    RunRefused where it is no GeoJSON of polygons in WGS84 degrees, or has not that property, or the property `name`.
    """
    content = storage.read_bytes(path)
    try:
        features = json.loads(content)["features"]
        properties = [feature["properties"] or {} for feature in features]
        geometries = [feature["geometry"] for feature in features]
    except (ValueError, KeyError, TypeError) as error:
        raise RunRefused(
            f"{path}: not a GeoJSON FeatureCollection of areas ({type(error).__name__}: {error})"
        ) from error
    if not features:
        raise RunRefused(f"{path}: holds no features; expected a polygon an area")
    for number, there in enumerate(properties, start=1):
        if there.get(area_id) in (None, "") or (name is not None and name not in there):
            key, wanted = ("name", name) if there.get(area_id) else ("area_id", area_id)
            raise RunRefused(
                f"{path}, feature {number}: has no property {wanted!r} (labels.boundaries.{key}); "
                f"the properties are {', '.join(there) or 'none'}"
            )
    drawn = [i for i, geometry in enumerate(geometries) if geometry is not None and geometry.get("coordinates") != []]
    polygons = [_polygon(path, i + 1, geometries[i]) for i in drawn]
    return AreaPolygons([str(properties[i][area_id]) for i in drawn], polygons), hashlib.sha256(content).hexdigest()


def _polygon(path: str, number: int, geometry: dict[str, Any]) -> Any:
    from shapely.geometry import shape

    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise RunRefused(f"{path}, feature {number}: expected a Polygon or MultiPolygon, got {kind}")
    try:
        polygon = shape(geometry)
    except Exception as error:  # shapely raises whatever its parts raise on coordinates that are none
        raise RunRefused(f"{path}, feature {number}: its coordinates are no polygon ({error})") from error
    west, south, east, north = polygon.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise RunRefused(
            f"{path}, feature {number}: coordinates reach ({west:g}, {south:g}), expected WGS84 degrees; "
            "convert it, e.g. `ogr2ogr -t_srs EPSG:4326 new.geojson old.geojson`"
        )
    return polygon


@lru_cache(maxsize=1)
def _polygons_of_worker(path: str, area_id: str, digest: str) -> AreaPolygons:
    # `digest` is there for the cache: a worker that lives on must not keep polygons of a file that has changed.
    return read_boundaries(path, area_id)[0]


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
