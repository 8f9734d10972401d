"""Boundaries of the areas as a GeoPackage on the National Grid, which is what the ONS Geoportal gives."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pandas as pd
import shapely

from published_layouts.region import AREA_M


def write_geopackage(areas: pd.DataFrame, path: Path) -> None:
    """Squares, with the properties LSOA21CD and LSOA21NM, in EPSG:27700."""
    half = AREA_M / 2
    squares = shapely.box(
        areas["easting"] - half, areas["northing"] - half, areas["easting"] + half, areas["northing"] + half
    )
    columns = {"LSOA21CD": areas["area_id"], "LSOA21NM": areas["area_name"]}
    geopandas.GeoDataFrame(columns, geometry=squares, crs="EPSG:27700").to_file(path, driver="GPKG")
