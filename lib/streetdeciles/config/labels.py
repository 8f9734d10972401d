"""The section `labels`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from streetdeciles.config.locations import Locations, LocationTable, PostcodeLocations
from streetdeciles.config.section import INPUT, CatalogTable, FilesOrTable, InputPath, Section


class OwnOutcome(Section):
    """An outcome that a table of yours gives: one column, or a numerator and a denominator."""

    column: str | None = None
    """Column that holds the value of each area."""
    numerator: str | list[str] | None = None
    """Column that is divided by `denominator`; of several columns, their sum."""
    denominator: str | None = None
    """Column that the numerator is a part of, e.g. all households; the share may not be above 1."""
    higher_is: Literal["better", "worse"]
    """`worse`: areas with the highest values are in decile 1, the most deprived; `better`: those with the lowest."""
    title: str | None = None
    """What the report calls the outcome; its name by default."""

    @model_validator(mode="after")
    def _one_way(self) -> OwnOutcome:
        share = self.numerator is not None and self.denominator is not None
        if (self.column is not None) == share or (self.numerator is None) != (self.denominator is None):
            raise ValueError("needs either column, or numerator and denominator")
        return self


OutcomeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class OwnColumns(Section):
    """The columns of a table that streetdeciles does not know."""

    area_id: str
    """Column that holds each area's code."""
    area_name: str | None = None
    """Column that holds each area's name."""
    district: str | None = None
    """Column that holds the code or name of each area's district; `labels.regions` may name these."""
    outcomes: Annotated[dict[OutcomeName, OwnOutcome], Field(min_length=1)]
    """By the name of each outcome (small letters, digits and _), how the table gives it."""


class LabelTable(FilesOrTable):
    """A table of areas. A published one is recognised by its header (docs/data.md); `columns` describes any other."""

    path: InputPath = ""
    """CSV file or workbook (xlsx, ods) as published, or a folder of CSV part files."""
    catalog_table: CatalogTable | None = None
    """In place of `path`: a table in a catalog, e.g. `main.statistics.deprivation`."""
    columns: OwnColumns | None = None
    """The columns of a table that is not recognised."""

    @model_validator(mode="before")
    @classmethod
    def _needs_no_layout(cls, values: Any) -> Any:
        if isinstance(values, dict) and "layout" in values:
            raise ValueError("the key layout is gone: a published table is recognised by its header, so remove it")
        return values


class RegionFile(Section):
    """A region as a list of areas."""

    file: InputPath
    """CSV file with a column of area codes: the only one, or one that is called area_id, LSOA11CD or LSOA21CD."""


class Boundaries(Section):
    """Polygons of the areas, and the properties that hold an area's code and name."""

    path: InputPath
    """GeoJSON, GeoPackage, shapefile, GeoParquet or FlatGeobuf file in any coordinate reference system; also zipped."""
    area_id: str | None = None
    """Property that holds an area's code, as in the tables; null: one by a usual name, such as LSOA11CD or lsoa21cd."""
    name: str | None = None
    """Property that holds an area's name; null: one by a usual name, if there is one."""


class LabelsConfig(Section):
    """The published tables, the regions and the locations."""

    tables: Annotated[list[LabelTable], Field(min_length=1)]
    """Where the outcomes of each area come from."""
    regions: Annotated[dict[str, str | list[str] | RegionFile], Field(min_length=1)]
    """Name of each region -> its districts, by name or code; an English region by code (`E12000007`); a preset
    (`greater_london`, `greater_manchester`, `west_midlands`, `west_yorkshire`); `file`: a list of areas; `all`: every
    area of the tables."""
    lookups: Annotated[list[str], INPUT] = []
    """Look-ups of the Office for National Statistics, recognised by their headers: output areas to LSOAs, MSOAs and
    districts; LSOAs of 2011 to those of 2021; or a postcode directory. They give names, districts and regions that the
    tables lack, the areas of locations that have output areas alone, and those of the year of the tables."""
    locations: Annotated[Locations, INPUT]
    """Path of a CSV file, or of a folder of part files, with location_id and area_id, or location_id, latitude and
    longitude; or a section that names other columns, or a postcode directory."""
    boundaries: Boundaries | None = None
    """Needed for locations without area_id, and for the report's maps."""

    @field_validator("regions", mode="before")
    @classmethod
    def _are_regions(cls, regions: Any) -> Any:
        for name, region in regions.items() if isinstance(regions, dict) else ():
            is_list = isinstance(region, list) and all(isinstance(district, str) for district in region)
            is_file = isinstance(region, RegionFile) or (
                isinstance(region, dict) and [*region] == ["file"] and isinstance(region["file"], str)
            )
            if not (isinstance(region, str) or is_list or is_file):
                raise ValueError(
                    f"{name} must be a list of districts, a region's code or name, `all`, or `file` with a list"
                )
        return regions

    @property
    def location_source(self) -> LocationTable | PostcodeLocations:
        """`locations`, a path as the section that it is short for."""
        return LocationTable(path=self.locations) if isinstance(self.locations, str) else self.locations

    def titles(self) -> dict[str, str]:
        """The titles of the outcomes that `columns` of tables describe."""
        columns = [table.columns.outcomes for table in self.tables if table.columns is not None]
        return {name: outcome.title or name for outcomes in columns for name, outcome in outcomes.items()}
