"""The section `dataset`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streetdeciles.config.imports import FeatureImport
from streetdeciles.config.section import INPUT, NEUTRAL, Section, Share

SPLITS: dict[str, dict[str, Any]] = {
    "folds": {"folds": 5},
    "spatial_blocks": {"folds": 5, "buffer_m": 0.0},
    "column": {"fold_column": None},
    "train_validation_test": {"validation_share": 0.15, "test_share": 0.2},
    "train_test": {"test_share": 0.2},
    "by_class": {"held_out_deciles": None},
    "train_only": {},
    "test_only": {},
}
"""The keys that each split needs, and their defaults; `held_out_deciles` and `fold_column` have none."""

SplitLevel = Literal["area", "oa", "msoa", "district"]

Decile = Annotated[int, Field(ge=1, le=10)]


class DatasetConfig(Section):
    """The training set: which outcomes it has, and how it is split."""

    outcomes: Annotated[list[str], Field(min_length=1)]
    """The outcomes to learn and predict, by their names in docs/outcomes.md, or in `labels.tables[].columns`."""
    feature_import: Annotated[FeatureImport | None, Field(alias="import")] = None
    """Null, the default: features come from the photographs of this run."""
    split: Literal[
        "folds",
        "train_validation_test",
        "train_test",
        "spatial_blocks",
        "column",
        "by_class",
        "train_only",
        "test_only",
    ] = "folds"
    """Which locations are held out from which models. With `prediction.models` the default is `test_only`."""
    folds: Annotated[int | None, Field(ge=2, le=100)] = None
    """For the splits `folds` and `spatial_blocks`: the number of folds, 5 by default; each model sees all but one. More
    folds leave more to learn from, but take longer."""
    split_level: SplitLevel = "area"
    """What a split never divides: all locations of an `area`, `oa`, `msoa` or `district` are in one part. A coarser
    level keeps more neighbours together. `oa` divides areas: models have seen parts of areas that they predict."""
    buffer_m: Annotated[float | None, Field(ge=0, le=1_000_000)] = None
    """For `spatial_blocks`: areas nearer than this to a fold, in metres, are left out of its training; 0 by default.
    The distance is between polygons if there are `labels.boundaries`, else between the means of the areas' locations.
    With a larger value models know less of the neighbourhood, and have less to learn from."""
    fold_column: str | None = None
    """For `column`: the column with each location's or area's fold, in the table of `labels.locations`, or in
    `fold_file`. Its values are numbers or names; models learn from areas without a value, and none predicts them."""
    fold_file: Annotated[str | None, INPUT] = None
    """For `column`: a CSV file of `area_id` and `fold_column`, in place of the table of `labels.locations`."""
    test_share: Share | None = None
    """For the splits with `test`: the share of the locations, in whole areas, that no model sees; 0.2 by default. A
    larger share measures more precisely, but leaves less to learn from."""
    validation_share: Share | None = None
    """For `train_validation_test`: the share of the locations, in whole areas, that validates every model; 0.15 by
    default."""
    held_out_deciles: Annotated[list[Decile] | None, Field(min_length=1, max_length=8)] = None
    """For `by_class`: an outcome's model does not see locations whose decile of that outcome is one of these."""
    max_lost_share: Annotated[float | None, NEUTRAL, Field(ge=0, le=1)] = None
    """The share of the photographs that may be lost, and of the locations that may have look-alike ids, before the run
    ends. By default 0.2 of the photographs and 0.01 of the locations; a value holds for both."""
    hdf5: bool = True
    """Also write the training set as HDF5 and CSV, in files of at most 4 GB; false saves disk space."""

    @property
    def allowed_lost_share(self) -> float:
        return 0.2 if self.max_lost_share is None else self.max_lost_share

    @property
    def allowed_lookalike_share(self) -> float:
        return 0.01 if self.max_lost_share is None else self.max_lost_share

    @model_validator(mode="before")
    @classmethod
    def _with_split_defaults(cls, values: Any) -> Any:
        split = values.get("split", "folds") if isinstance(values, dict) else None
        return {**SPLITS.get(split, {}), **values} if isinstance(split, str) else values

    @model_validator(mode="after")
    def _has_the_keys_of_its_split(self) -> DatasetConfig:
        needed = SPLITS[self.split]
        for key in dict.fromkeys(key for keys in SPLITS.values() for key in keys):
            if key in needed and getattr(self, key) is None:
                raise ValueError(f"{key} must be set with split {self.split}")
            if key not in needed and getattr(self, key) is not None:
                raise ValueError(f"{key} cannot be used with split {self.split}; remove one of them")
        if self.fold_file is not None and self.fold_column is None:
            raise ValueError("fold_file needs split column, and fold_column")
        if (self.test_share or 0) + (self.validation_share or 0) >= 1:
            raise ValueError("test_share and validation_share must leave something to learn from")
        if len({*(self.held_out_deciles or [])}) < len(self.held_out_deciles or []):
            raise ValueError("held_out_deciles must be different from each other")
        return self
