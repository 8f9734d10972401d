"""The columns of the training set: their types in Spark, and as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.tables import training_set_columns
from streetdeciles.training_set.codec import decode_arrays

if TYPE_CHECKING:
    import pyarrow as pa

ARRAYS = ("features", "view_mask")
TEXTS = ("location_id", "region", "area_id", "oa", "msoa", "unit", "buffer_of")
NUMBERS = {"row_number": np.int64, "fold": np.int32, "block": np.int32}

Batch = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class TrainingSetShape:
    """The size of a training set: `features` are float32 [rows, views, feature_size]; `outcomes` in column order."""

    rows: int
    views: int
    feature_size: int
    outcomes: tuple[str, ...]


def training_set_ddl(outcomes: Sequence[str]) -> str:
    """The Spark schema of the rows, e.g. for `mapInArrow`."""
    kinds = {**dict.fromkeys(TEXTS, "string"), **dict.fromkeys(ARRAYS, "binary"), "row_number": "bigint"}
    kinds |= {"fold": "int", "block": "int", **dict.fromkeys(outcomes, "tinyint")}
    return ", ".join(f"{name} {kinds[name]}" for name in training_set_columns(outcomes))


def as_array(name: str, column: pa.Array) -> npt.NDArray[Any]:
    """A column as an array; null becomes None in texts and 0 in numbers."""
    import pyarrow.compute as pc

    if name in ARRAYS:
        return decode_arrays(column)
    if name in TEXTS:
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)
    numbers = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    return np.array(numbers, dtype=NUMBERS.get(name, np.int8))
