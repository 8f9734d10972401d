"""The base of every section of the config, and the types of its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from typing_extensions import Self

NEUTRAL = "neutral"
INPUT = "input"

InputPath = Annotated[str, INPUT]
"""A file or folder that must exist before the run starts."""

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, serialize_by_alias=True)

    @classmethod
    def absent(cls) -> Self:
        """A section without values, in place of one that the config does not have and no selected stage reads."""
        section = cls.model_construct()
        vars(section).clear()
        return section

    @property
    def is_absent(self) -> bool:
        return not vars(self)
