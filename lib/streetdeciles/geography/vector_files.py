"""Boundaries in the formats of geographic software: GeoPackage, shapefile, FlatGeobuf (by GDAL) and GeoParquet."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused
from streetdeciles.geography.features import Features, choose_properties, text_of, to_wgs84
from streetdeciles.geography.files import PARQUET, SHAPEFILE
from streetdeciles.geography.shapes import shape_of

if TYPE_CHECKING:
    import geopandas
    import pandas as pd


def read_vector_file(file: Path, uri: str, area_id: str | None, name: str | None) -> Features:
    """The features of the layer of polygons in `file`, which messages call `uri`.

    Raises:
        RunRefused: it cannot be read, has no such layer or several, or lacks a property.
    """
    with _named_damage(file, uri):
        _refuse_cut_shapefile(file, uri)
        layer, code_property, name_property = _layer(file, uri, area_id, name)
        columns = [*dict.fromkeys(filter(None, (code_property, name_property)))]
        frame = _read(file, layer, columns)
    if frame.empty:
        raise RunRefused(f"{uri}: holds no features; expected a polygon for each area")
    geometries = to_wgs84(uri, list(frame.geometry), frame.crs)
    return Features(
        code_property,
        _texts(frame[code_property]),
        _texts(frame[name_property]) if name_property else [""] * len(frame),
        [shape_of(geometry) for geometry in geometries],
    )


def _texts(column: pd.Series) -> list[str]:
    return [text_of(value) for value in column.astype(object).where(column.notna(), None)]


def check_vector_file(file: Path, uri: str, area_id: str | None, name: str | None) -> None:
    """RunRefused where `read_vector_file` would refuse the file, as far as that can be seen without its features."""
    with _named_damage(file, uri):
        _layer(file, uri, area_id, name)


@contextmanager
def _named_damage(file: Path, uri: str) -> Iterator[None]:
    import pyarrow as pa
    from shapely.errors import ShapelyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's remarks on files that it reads all the same
            yield
    except (RuntimeError, ValueError, TypeError, KeyError, OSError, pa.ArrowException, ShapelyError) as error:
        why = str(error).replace(str(file), "it").partition("\n")[0][:200] or type(error).__name__
        raise RunRefused(f"{uri}: cannot be read as a file of boundaries ({why}); download it again") from error


def _refuse_cut_shapefile(file: Path, uri: str) -> None:
    """GDAL would take the polygons that are not there for empty ones."""
    if file.suffix == SHAPEFILE:
        with file.open("rb") as content:
            expected = 2 * int.from_bytes(content.read(28)[24:], "big")
        if file.stat().st_size < expected:
            raise RunRefused(
                f"{uri}: is cut short, with {file.stat().st_size} of {expected} bytes; copy or download it again"
            )


def _layer(file: Path, uri: str, area_id: str | None, name: str | None) -> tuple[str | None, str, str | None]:
    """The layer that holds the areas, and its properties for code and name."""
    if file.suffix == PARQUET:
        import pyarrow.parquet as pq

        return None, *choose_properties(uri, pq.read_schema(file).names, area_id, name)
    import pyogrio

    # A table without geometries has the type None.
    layers = [str(layer) for layer, kind in pyogrio.list_layers(file) if kind and _may_hold_polygons(str(kind))]
    problems: list[RunRefused] = []
    fits: list[tuple[str, str, str | None]] = []
    for layer in layers:
        fields = map(str, pyogrio.read_info(file, layer=layer)["fields"])
        try:
            fits.append((layer, *choose_properties(uri, fields, area_id, name)))
        except RunRefused as error:
            problems.append(error)
    if len(fits) == 1:
        return fits[0]
    if len(layers) == 1:
        raise problems[0]
    layer_names = ", ".join(repr(layer) for layer in layers[:5]) or "none"
    raise RunRefused(
        f"{uri}: expected one layer of polygons with the areas' codes, found {len(fits)} among the layers of polygons "
        f"({layer_names}); save the one to use as a file of its own"
    )


def _may_hold_polygons(geometry_type: str) -> bool:
    return any(word in geometry_type for word in ("Polygon", "Surface", "Unknown", "Collection"))


def _read(file: Path, layer: str | None, columns: list[str]) -> geopandas.GeoDataFrame:
    import geopandas

    if file.suffix == PARQUET:
        import pyarrow.parquet as pq

        geo = json.loads(pq.read_schema(file).metadata[b"geo"])
        return geopandas.read_parquet(file, columns=[*columns, geo["primary_column"]])
    return geopandas.read_file(file, engine="pyogrio", layer=layer, columns=columns, on_invalid="ignore")
