"""The file of boundaries: the polygons and names of areas, and the area in which a point lies."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streetdeciles.errors import RunRefused
from streetdeciles.geography.features import CODE_NAMES, EXPECTED_NAMES
from streetdeciles.geography.files import JSON, plain_file
from streetdeciles.geography.geojson import read_geojson
from streetdeciles.geography.shapes import Shape
from streetdeciles.geography.vector_files import check_vector_file, read_vector_file
from streetdeciles.ids.spelling import normalise_list

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


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

    def to_table(self) -> pa.Table:
        """`area_id` and `polygon`, in well-known binary: for workers, which make their own index."""
        import pyarrow as pa
        import shapely

        polygons = pa.array(shapely.to_wkb(self.polygons), pa.binary())
        return pa.table({"area_id": pa.array(self.area_ids, pa.string()), "polygon": polygons})

    @classmethod
    def of_table(cls, table: pa.Table) -> AreaPolygons:
        """The polygons of `to_table`."""
        import shapely

        polygons = shapely.from_wkb(table.column("polygon").to_numpy())
        return cls(table.column("area_id").to_pylist(), polygons)

    def areas_at(
        self, longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.object_]:
        """The area_id at each point (degrees, float64 [n]), None where there is no polygon; object [n].

        A point on the border of several areas, or where they overlap, is in the first by area_id.
        """
        import numpy as np
        import shapely

        first_polygon = np.full(len(longitude), len(self.area_ids))
        point, polygon = self._tree.query(shapely.points(longitude, latitude))
        hit = shapely.intersects_xy(self.polygons[polygon], longitude[point], latitude[point])
        np.minimum.at(first_polygon, point[hit], polygon[hit])
        areas: npt.NDArray[np.object_] = np.array([*self.area_ids, None], dtype=object)[first_polygon]
        return areas


@dataclass(frozen=True)
class AreaBoundaries:
    """What a file of boundaries holds."""

    polygons: AreaPolygons
    names: dict[str, str]
    """The name of each area in the file by area_id; empty where it has none."""
    code_property: str
    """The property that holds the area_id."""
    notes: tuple[str, ...]
    """What was not used as it is in the file."""


def read_boundaries(path: str, area_id: str | None = None, name: str | None = None) -> AreaBoundaries:
    """The areas in the file at `path`: GeoJSON, GeoPackage, shapefile, GeoParquet or FlatGeobuf, perhaps in a zip.

    The property `area_id` holds their code and `name` their name; None stands for those that usually do. Features
    without polygons, and features without a code, are not used; a note counts them.

    Raises:
        RunRefused: the file is not one of polygons, says no coordinate reference system and is not in WGS84 degrees,
            or none of its features has one of the properties.
    """
    with plain_file(path) as file:
        read = read_geojson if file.suffix == JSON else read_vector_file
        features = read(file, path, area_id, name)
    shapes = features.shapes
    codes = normalise_list(features.codes, upper=True)
    _refuse_other_degrees(path, shapes)
    drawn = [i for i, shape in enumerate(shapes) if codes[i] and shape.geometry is not None]
    if not drawn:
        kinds = ", ".join(sorted({shape.kind for shape in shapes}))
        raise RunRefused(f"{path}: holds no polygon with a code; expected one for each area, found only {kinds}")
    names: dict[str, str] = {}
    for code, name_of_feature in zip(codes, features.names, strict=True):
        names[code] = names.get(code) or name_of_feature
    return AreaBoundaries(
        AreaPolygons([codes[i] for i in drawn], [shapes[i].geometry for i in drawn]),
        names,
        features.code_property,
        tuple(_notes(path, features.code_property, codes, shapes)),
    )


def check_properties(path: str, area_id: str | None, name: str | None) -> None:
    """RunRefused where the file nowhere holds one of the properties; memory is bounded, for files of any size."""
    with plain_file(path) as file:
        if file.suffix == JSON:
            _search_json(file, path, area_id, name)
        else:
            check_vector_file(file, path, area_id, name)


def _search_json(file: Path, uri: str, area_id: str | None, name: str | None) -> None:
    usual = "|".join(CODE_NAMES).encode()
    missing = {"area_id": _as_json(area_id) if area_id else b'"(' + usual + b')"', "name": _as_json(name)}
    rest = b""
    with file.open("rb") as content:
        while missing and (chunk := content.read(CHUNK_BYTES)):
            rest = rest[-MAX_NAME_BYTES:] + chunk
            missing = {key: names for key, names in missing.items() if not re.search(names, rest, re.IGNORECASE)}
    for key in missing:
        asked = repr(area_id if key == "area_id" else name)
        if key == "area_id" and area_id is None:
            asked = f"of an area's code by one of its usual names ({EXPECTED_NAMES})"
        raise RunRefused(
            f"{uri}: no feature has the property {asked} (labels.boundaries.{key}); "
            "expected a GeoJSON FeatureCollection of areas"
        )


def _as_json(text: str | None) -> bytes:
    """A pattern for the text as JSON may write it; for None, one that matches everything."""
    if text is None:
        return b""
    return b"|".join(re.escape(json.dumps(text, ensure_ascii=ascii_only).encode()) for ascii_only in (True, False))


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
