"""The base of every section of the config, and the types of its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from streetdeciles.catalog_names import schema_name, table_name

if TYPE_CHECKING:
    from typing_extensions import Self

NEUTRAL = "neutral"
INPUT = "input"

InputPath = Annotated[str, INPUT]
"""A file or folder that must exist before the run starts."""

CatalogTable = Annotated[str, AfterValidator(table_name)]
"""A table in a catalog that Spark reads, e.g. `main.streets.locations`."""

CatalogSchema = Annotated[str, AfterValidator(schema_name)]
"""A schema in a catalog, e.g. `main.streets`."""

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        hide_input_in_errors=True,  # which is cut in its middle, so that a secret in it would not be recognised
    )

    @classmethod
    def absent(cls) -> Self:
        """A section without values, in place of one that the config does not have and no selected stage reads."""
        section = cls.model_construct()
        vars(section).clear()
        return section

    @property
    def is_absent(self) -> bool:
        return not vars(self)


class FilesOrTable(Section):
    """Files at `path`, or a table in a catalog, which a run copies into its work_dir before it reads the copy."""

    path: InputPath = ""
    catalog_table: CatalogTable | None = None
    _copy: str = PrivateAttr("")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if (self.catalog_table is None) == (not self.path):
            raise ValueError("needs either path, or catalog_table, the name of a table in a catalog")
        return self

    @property
    def file(self) -> str:
        """The file or folder that is read."""
        return self._copy if self.catalog_table is not None else self.path

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.catalog_table or self.path

    def keep_copy(self, folder: str) -> None:
        """Say where the copy of the table in the catalog is."""
        self._copy = folder
