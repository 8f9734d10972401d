"""The file of boundaries: the polygons and names of areas, and the area in which a point lies."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.geography.geojson import Shape, read_shape
from streetdeciles.ids.spelling import normalise_list

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


CHUNK_BYTES = 16 << 20
MAX_NAME_BYTES = 1024
"""The longest name of a property: as much of a chunk is searched again with the next one."""


class AreaPolygons:
    """Polygons in WGS84 degrees, each of an area; an area may have several."""

    def __init__(self, area_ids: Sequence[str], polygons: Sequence[Any]) -> None:
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


@dataclass(frozen=True)
class AreaBoundaries:
    """What a file of boundaries holds."""

    polygons: AreaPolygons
    names: dict[str, str]
    """By area_id, of all areas in the file; empty where an area has no name."""
    digest: str
    """SHA-256 of the file."""
    notes: tuple[str, ...]
    """What was not used as it is in the file."""


def read_boundaries(path: str, area_id: str, name: str | None = None) -> AreaBoundaries:
    """The areas in the GeoJSON file at `path`, with the property `area_id` as their code and `name` as their name.

    Features without polygons, and features without a code, are not used; a note counts them.

    Raises:
        RunRefused: the file is not a GeoJSON FeatureCollection with polygons in WGS84 degrees, or none of its features
            has one of the properties.
    """
    content = storage.read_bytes(path)
    properties, geometries = _features(path, content)
    for key, wanted in (("area_id", area_id), ("name", name)):
        if wanted is not None and not any(wanted in own for own in properties):
            known = dict.fromkeys(column for own in properties for column in own)
            raise RunRefused(
                f"{path}: no feature has the property {wanted!r} (labels.boundaries.{key}); "
                f"the properties are {', '.join(known) or 'none'}"
            )
    codes = normalise_list([_text(own, area_id) for own in properties], upper=True)
    shapes = [_shape(path, number, geometry) for number, geometry in enumerate(geometries, start=1)]
    _refuse_other_degrees(path, shapes)
    drawn = [i for i, shape in enumerate(shapes) if codes[i] and shape.geometry is not None]
    if not drawn:
        kinds = ", ".join(sorted({shape.kind for shape in shapes}))
        raise RunRefused(f"{path}: holds no polygon with a code; expected one for each area, found only {kinds}")
    names: dict[str, str] = {}
    for code, own in zip(codes, properties, strict=True):
        names[code] = names.get(code) or _text(own, name)
    return AreaBoundaries(
        AreaPolygons([codes[i] for i in drawn], [shapes[i].geometry for i in drawn]),
        names,
        hashlib.sha256(content).hexdigest(),
        tuple(_notes(path, area_id, codes, shapes)),
    )


def check_properties(path: str, area_id: str, name: str) -> None:
    """RunRefused where the file nowhere holds one of the properties; memory is bounded, for files of any size."""
    fs, path_there = storage.filesystem(path)
    missing = {"area_id": area_id, "name": name}
    rest = b""
    with fs.open(path_there, "rb") as file:
        while missing and (chunk := file.read(CHUNK_BYTES)):
            rest = rest[-MAX_NAME_BYTES:] + chunk
            missing = {key: text for key, text in missing.items() if not any(one in rest for one in _as_json(text))}
    for key, text in missing.items():
        raise RunRefused(
            f"{path}: no feature has the property {text!r} (labels.boundaries.{key}); "
            "expected a GeoJSON FeatureCollection of areas"
        )


def _as_json(text: str) -> tuple[bytes, bytes]:
    return json.dumps(text).encode(), json.dumps(text, ensure_ascii=False).encode()


def _features(path: str, content: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any] | None]]:
    try:
        features = json.loads(content)["features"]
        properties = [dict(feature.get("properties") or {}) for feature in features]
        geometries = [dict(feature["geometry"]) if feature.get("geometry") else None for feature in features]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunRefused(
            f"{path}: not a GeoJSON FeatureCollection of areas ({type(error).__name__}: {error})"
        ) from error
    if not features:
        raise RunRefused(f"{path}: holds no features; expected a polygon for each area")
    return properties, geometries


def _shape(path: str, number: int, geometry: dict[str, Any] | None) -> Shape:
    try:
        return read_shape(geometry)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise RunRefused(f"{path}, feature {number}: its coordinates are not those of a polygon ({error})") from error


def _text(values: dict[str, Any], column: str | None) -> str:
    value = values.get(column or "")
    return "" if value is None else str(value)


def _refuse_other_degrees(path: str, shapes: list[Shape]) -> None:
    """Refuse coordinates that are not longitude and latitude."""
    bounds = {number: shape.bounds for number, shape in enumerate(shapes, start=1) if shape.bounds}
    wrong = {
        number: (west, south)
        for number, (west, south, east, north) in bounds.items()
        if not (west >= -180 and east <= 180 and south >= -90 and north <= 90)
    }
    if not wrong:
        return
    number, (west, south) = next(iter(wrong.items()))
    cure = "convert it, e.g. `ogr2ogr -t_srs EPSG:4326 new.geojson old.geojson`"
    if 2 * len(wrong) < len(bounds):
        cure = f"{len(bounds) - len(wrong)} other feature(s) are in degrees, so correct or remove this one"
    raise RunRefused(
        f"{path}, feature {number}: coordinates reach ({west:g}, {south:g}), expected WGS84 degrees; {cure}"
    )


def _notes(path: str, area_id: str, codes: list[str], shapes: list[Shape]) -> list[str]:
    notes = []
    missing = [(code, shape.kind) for code, shape in zip(codes, shapes, strict=True) if shape.geometry is None]
    if missing:
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(kind for _, kind in missing).items()))
        example = f", e.g. {missing[0][0]}" if missing[0][0] else ""
        notes.append(f"{len(missing)} feature(s) of {path} have no polygon ({kinds}){example}: not used")
    unnamed = codes.count("")
    if unnamed:
        notes.append(f"{unnamed} feature(s) of {path} have no {area_id}: not used")
    repaired = [code for code, shape in zip(codes, shapes, strict=True) if shape.repaired and code]
    if repaired:
        notes.append(
            f"{len(repaired)} feature(s) of {path} have rings that cross, or holes outside: "
            f"their polygons were repaired, e.g. {repaired[0]}"
        )
    return notes
