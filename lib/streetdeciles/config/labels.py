"""The section `labels`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streetdeciles.config.section import InputPath, Section


class LabelTable(Section):
    """A published table and the layout it is in (`labels/layouts.py` knows each by name)."""

    layout: Literal["iod2019_file_1", "iod2019_file_7"]
    """Which published file it is."""
    path: InputPath
    """CSV file, or a folder of part files, as published."""


class Boundaries(Section):
    """GeoJSON polygons of the areas, WGS84, and the properties that hold an area's code and name."""

    path: InputPath
    """GeoJSON file."""
    area_id: str = "LSOA11CD"
    """Property that holds an area's code, as in the tables."""
    name: str = "LSOA11NM"
    """Property that holds an area's name."""


class LabelsConfig(Section):
    tables: Annotated[list[LabelTable], Field(min_length=1)]
    """Where the outcomes of each area come from."""
    regions: Annotated[dict[str, list[str] | Literal["all"]], Field(min_length=1)]
    """Name of each region -> its districts, by name or code as in the tables; `all`: every area there is."""
    locations: InputPath
    """CSV file, or a folder of part files: location_id and area_id, or location_id, latitude and longitude.

    Coordinates without area_id need `boundaries`."""
    boundaries: Boundaries | None = None
    """Needed for locations without area_id, and for the report's maps."""
