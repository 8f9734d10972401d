"""The section `dataset`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streetdeciles.config.section import Section, Share

SPLITS: dict[str, dict[str, Any]] = {
    "folds": {"folds": 5},
    "train_validation_test": {"validation_share": 0.15, "test_share": 0.2},
    "train_test": {"test_share": 0.2},
    "by_class": {"held_out_deciles": None},
    "train_only": {},
    "test_only": {},
}
"""The keys that each split needs, with their defaults; `held_out_deciles` has none."""

Decile = Annotated[int, Field(ge=1, le=10)]


class DatasetConfig(Section):
    outcomes: Annotated[list[str], Field(min_length=1)]
    """What is learned and predicted, by the names of the tables' layouts (docs/tables.md)."""
    split: Literal["folds", "train_validation_test", "train_test", "by_class", "train_only", "test_only"] = "folds"
    """What is held out from whom. With `prediction.models`: `test_only`."""
    folds: Annotated[int | None, Field(ge=2, le=100)] = None
    """Of the split `folds`: each model sees all but one."""
    test_share: Share | None = None
    """Of the splits with `test`: the share of the locations, in whole areas, that no model sees."""
    validation_share: Share | None = None
    """Of `train_validation_test`: the share on which every model is validated."""
    held_out_deciles: Annotated[list[Decile] | None, Field(min_length=1, max_length=8)] = None
    """Of `by_class`: locations of these deciles of an outcome are not seen by the outcome's model."""
    hdf5: bool = True
    """Also write training_set.h5."""

    @model_validator(mode="before")
    @classmethod
    def _with_the_splits_numbers(cls, values: Any) -> Any:
        split = values.get("split", "folds") if isinstance(values, dict) else None
        return {**SPLITS.get(split, {}), **values} if isinstance(split, str) else values

    @model_validator(mode="after")
    def _has_the_splits_numbers(self) -> DatasetConfig:
        needed = SPLITS[self.split]
        for key in dict.fromkeys(key for keys in SPLITS.values() for key in keys):
            if key in needed and getattr(self, key) is None:
                raise ValueError(f"{key} must be given with split {self.split}")
            if key not in needed and getattr(self, key) is not None:
                raise ValueError(f"{key} does not go with split {self.split}; remove one of them")
        if (self.test_share or 0) + (self.validation_share or 0) >= 1:
            raise ValueError("test_share and validation_share must leave something to learn from")
        if len({*(self.held_out_deciles or [])}) < len(self.held_out_deciles or []):
            raise ValueError("held_out_deciles must be different ones")
        return self
