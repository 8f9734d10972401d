"""The section `labels`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streetdeciles.config.section import InputPath, Section


class LabelTable(Section):
    """A published table and the layout it is in (`labels/layouts.py` knows each by name)."""

    layout: Literal["iod2019_file_1", "iod2019_file_7"]
    path: InputPath


class Boundaries(Section):
    """GeoJSON polygons of the areas, WGS84, and the properties that hold an area's code and name."""

    path: InputPath
    area_id: str = "LSOA11CD"
    name: str = "LSOA11NM"


class LabelsConfig(Section):
    tables: Annotated[list[LabelTable], Field(min_length=1)]
    regions: Annotated[dict[str, list[str] | Literal["all"]], Field(min_length=1)]
    """Name of each region -> its districts, by name or code as in the tables; `all`: every area there is."""
    locations: InputPath
    """CSV file, or a folder of part files: location_id and area_id, or location_id, latitude and longitude.

    Coordinates without area_id need `boundaries`."""
    boundaries: Boundaries | None = None
