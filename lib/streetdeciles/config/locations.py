"""The key `labels.locations`: a table of places, or a postcode directory."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag, model_validator

from streetdeciles.config.section import INPUT, CatalogTable, FilesOrTable, InputPath, Section


class LocationTable(FilesOrTable):
    """Locations in a table of yours; the path alone is short for `path` with the usual names of the columns."""

    path: InputPath = ""
    """CSV file, or a folder of part files."""
    catalog_table: CatalogTable | None = None
    """In place of `path`: a table in a catalog, e.g. `main.streets.locations`."""
    location_id: str | None = None
    """Column that identifies a location; null: `location_id`."""
    area_id: str | None = None
    """Column that holds the code of the area; null: `area_id`. Without it, `boundaries` give the area of each point."""
    latitude: str | None = None
    """Column that holds the latitude; null: `latitude`, `lat` or `y`, in small or capital letters."""
    longitude: str | None = None
    """Column that holds the longitude; null: `longitude`, `long`, `lng`, `lon` or `x`."""
    easting: str | None = None
    """In place of `longitude`, for `crs`; null: `easting`, `eastings`, `oseast1m`, `east1m` or `x`."""
    northing: str | None = None
    """In place of `latitude`, for `crs`; null: `northing`, `northings`, `osnrth1m`, `north1m` or `y`."""
    crs: str | None = None
    """Coordinate reference system of the coordinates, e.g. `EPSG:27700`, the British National Grid; null: WGS84."""

    @model_validator(mode="after")
    def _projected_coordinates_have_a_crs(self) -> LocationTable:
        if (self.easting or self.northing) and self.crs is None:
            raise ValueError("easting and northing need crs, e.g. EPSG:27700 for the British National Grid")
        if (self.easting or self.northing) and (self.latitude or self.longitude):
            raise ValueError("needs either latitude and longitude, or easting and northing")
        return self


class PostcodeLocations(Section):
    """Postcodes as locations, by the ONS Postcode Directory or the National Statistics Postcode Lookup."""

    postcodes: InputPath
    """The directory as published: CSV, zip, or the unpacked folder."""
    photographs: Annotated[str | None, INPUT] = None
    """CSV file of the postcodes that have photographs, one per row, perhaps with the `img_id` or `location_id` by which
    photographs are named; null: every postcode in the regions."""
    terminated: bool = False
    """Whether postcodes that are no longer in use are locations too."""
    large_users: bool = False
    """Whether postcodes of single organisations are locations too."""

    @property
    def file(self) -> str:
        """What lists the locations."""
        return self.photographs or self.postcodes


def _kind(value: Any) -> str:
    if isinstance(value, PostcodeLocations) or (isinstance(value, dict) and "postcodes" in value):
        return "[PostcodeLocations]"
    return "[LocationTable]" if isinstance(value, dict | LocationTable) else "[path]"


# Tags in brackets are left out of messages.
Locations = Annotated[
    Annotated[str, Tag("[path]")]
    | Annotated[LocationTable, Tag("[LocationTable]")]
    | Annotated[PostcodeLocations, Tag("[PostcodeLocations]")],
    Discriminator(_kind),
]
