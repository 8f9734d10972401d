"""The section `images`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from streetdeciles.catalog_names import name_parts
from streetdeciles.config.section import INPUT, CatalogTable, FilesOrTable, InputPath, Positive, Section
from streetdeciles.ids.spelling import normalise_views

MAX_VIEWS = 16
"""The maximum number of views of a location."""


class ImageTable(FilesOrTable):
    """A Parquet file, a folder of some, a Delta table, or a table in a catalog, with one row per photograph.

    The name of a table in a catalog alone (`images.table: main.streets.photographs`) is short for `catalog_table`. The
    column `image` holds its bytes, or the URI of its file. `a.b` names the field b of the struct a.
    """

    path: InputPath = ""
    """The Parquet file, the folder of Parquet files, or the folder of the Delta table."""
    catalog_table: CatalogTable | None = None
    """In place of `path`: a table in a catalog, e.g. `main.streets.photographs`, read by Spark."""
    image: str = "image"
    """The column with the photograph's bytes, or with the URI of its file."""
    location_id: str = "location_id"
    """The column with the location's id, as in `labels.locations`."""
    view: str | None = "view"
    """The column with the view; null if each location has one photograph."""
    keep: list[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]] = []
    """Other columns to copy into the table `image_columns`; none by default. If one of them says when
    the photographs were taken, the report shows the years."""

    @field_validator("keep")
    @classmethod
    def _does_not_keep_the_key(cls, keep: list[str]) -> list[str]:
        if len({name.lower() for name in [*keep, "image_id"]}) <= len(keep):
            raise ValueError("must name each column once, and none that is called image_id, the key of image_columns")
        return keep


class Panorama(Section):
    """Each photograph is an equirectangular panorama, twice as wide as high, from which one view per heading is cut."""

    headings: Annotated[list[Annotated[float, Field(ge=-360, le=360)]], Field(min_length=1)] = [0.0, 90.0, 180.0, 270.0]
    """The headings of the views, in degrees clockwise from the panorama's middle; more headings make more views."""
    field_of_view: Annotated[float, Field(ge=10, le=150)] = 90.0
    """The width and height of a view in degrees; a larger value shows more of the street, but smaller."""


class ImagesConfig(Section):
    """The photographs: where they are, and how their names or columns give location and view."""

    folder: Annotated[str | None, INPUT] = None
    """The folder of the photographs, or of archives that hold them. Set this or `table`."""
    table: ImageTable | None = None
    """A table of photographs, in place of `folder` and `pattern`."""
    pattern: str = "{location_id}_{view}.jpg|jpeg|png"
    """The names of the files: {location_id}, {view} if a location has several, and endings separated by `|`.

    A view is a number from 0, a letter from a, or one of `view_names`. Files match in any folder below `folder`, and in
    the archives there.
    """
    panorama: Panorama | None = None
    """Set this if the photographs are panoramas. The pattern, or the table, then has no view."""
    views: Annotated[int, Field(ge=1, le=MAX_VIEWS)] = 4
    """The number of photographs per location; more of them make a location's prediction more precise, but cost as much
    more time."""
    view_names: Annotated[list[str], Field(min_length=1, max_length=MAX_VIEWS)] | None = None
    """The names of the views in their order, e.g. [0, 90, 180, 270] or [N, E, S, W]; case and leading zeros do not
    matter. Null means numbers from 0, or letters from a. Setting this also sets `views`."""
    shard_size: Positive = 4096
    """The number of photographs per shard, the unit of resuming. A killed extraction repeats unfinished shards, so
    larger ones lose more work; smaller ones cost more time to start and commit."""
    duplicates: Literal["keep", "reject"] = "keep"
    """With `reject`, a file that several locations have becomes a reject (`duplicate_picture`) for all of them, because
    it mostly says that there is no imagery. If several views of one location have the same file, the first one is kept.
    `keep` uses all files."""

    @field_validator("table", mode="before")
    @classmethod
    def _name_is_of_a_catalog(cls, table: Any) -> Any:
        if not isinstance(table, str):
            return table
        try:
            n_parts = len(name_parts(table))
        except ValueError:
            n_parts = 0
        if n_parts != 3:
            raise ValueError("must be catalog.schema.table; for files write table: {path: …}")
        return {"catalog_table": table}

    @field_validator("pattern")
    @classmethod
    def _names_the_location(cls, pattern: str) -> str:
        name, _, endings = pattern.rpartition(".")
        fields = re.findall(r"\{.*?\}", name)
        once = fields.count("{location_id}") == 1 and fields.count("{view}") <= 1
        if not once or {*fields} - {"{location_id}", "{view}"} or not re.fullmatch(r"\w+(\|\w+)*", endings):
            raise ValueError(
                "must hold {location_id} once, perhaps {view}, and file endings, as in '{location_id}_{view}.jpg|png'"
            )
        return pattern

    @field_validator("view_names", mode="before")
    @classmethod
    def _are_words(cls, names: Any) -> Any:
        if not isinstance(names, list):
            return names
        for name in names:
            if isinstance(name, bool) or not isinstance(name, str | int | float):
                raise ValueError(
                    "must be words or numbers, in quotes where YAML takes a word for another thing: 'No', 'On'"
                )
        return [str(name) for name in names]

    @field_validator("view_names")
    @classmethod
    def _are_different(cls, names: list[str] | None) -> list[str] | None:
        import pyarrow as pa

        normal = normalise_views(pa.array(names or [], pa.string())).to_pylist()
        if "" in normal or len({*normal}) < len(normal) or any("/" in name for name in normal):
            raise ValueError("must be different words without slashes; case and leading zeros make no difference")
        return names

    @model_validator(mode="before")
    @classmethod
    def _as_many_views_as_names(cls, values: Any) -> Any:
        names = values.get("view_names") if isinstance(values, dict) else None
        return {"views": len(names), **values} if isinstance(names, list) and names else values

    @model_validator(mode="after")
    def _one_source_that_tells_views_apart(self) -> ImagesConfig:
        if (self.folder is None) == (self.table is None):
            raise ValueError("exactly one of folder and table must be given")
        if self.view_names is not None:
            if self.views != len(self.view_names):
                raise ValueError(f"views must be {len(self.view_names)}, one for each of view_names; leave it out")
            if self.panorama is not None:
                raise ValueError("view_names does not go with panorama, whose headings are the views")
            if self.table.view is None if self.table else "{view}" not in self.pattern:
                raise ValueError("with view_names there must be {view} in pattern, or table.view")
        if self.panorama is not None:
            if self.views != len(self.panorama.headings):
                raise ValueError(f"views must be {len(self.panorama.headings)}, a view for each of panorama.headings")
            if self.table.view is not None if self.table else "{view}" in self.pattern:
                raise ValueError("with panorama there is no {view} in pattern, and table.view is null")
            return self
        if self.views > 1 and self.table is None and "{view}" not in self.pattern:
            raise ValueError(f"pattern must hold {{view}} when there are {self.views} views")
        if self.views > 1 and self.table is not None and self.table.view is None:
            raise ValueError(f"table.view must name a column when there are {self.views} views")
        return self
