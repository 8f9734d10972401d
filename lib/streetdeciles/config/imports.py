"""The section `dataset.import`."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator

from streetdeciles.config.section import INPUT, InputPath, Section


class FeatureImport(Section):
    """Features that you have already, in place of the stages images and features; those sections are then left out."""

    features: InputPath
    """HDF5 file whose data set `features` is [rows, views, numbers] or [rows, numbers]; or a folder, or an archive
    (tar, tgz, zip), of one .npy or .npz file per location, [views, numbers] or [numbers], named by its location_id."""
    table: Annotated[str | None, INPUT] = None
    """For HDF5: CSV, Parquet or pickled pandas DataFrame whose row i is the location of row i of `features`."""
    location_id: str | None = None
    """The column of `table` with the locations' ids, as in `labels.locations`; null: `location_id` or `img_id`."""

    @model_validator(mode="after")
    def _a_column_is_of_a_table(self) -> FeatureImport:
        if self.location_id is not None and self.table is None:
            raise ValueError("location_id is a column of table, which is not set; remove one or set the other")
        return self
