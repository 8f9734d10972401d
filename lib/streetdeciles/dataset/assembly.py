"""From Arrow batches of single views to rows of the training set, one per location."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunFailed
from streetdeciles.training_set.codec import encode_arrays
from streetdeciles.training_set.columns import TrainingSetShape

if TYPE_CHECKING:
    import pyarrow as pa


def assemble(
    batches: Iterable[pa.RecordBatch], shape: TrainingSetShape, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """One row for each `row_number`, from the rows of its views.

    Args:
        batches: sorted by `row_number`, `view`, `image_id`; `view` tinyint, `features` list of shape.feature_size
            floats, and the other `columns`, alike in all rows of a location. A location may lie across batches.
        shape: views and feature size of the set.
        columns: of the rows to make. `features` become float32 [views, feature_size], zeros where a view is missing;
            `view_mask` bool [views]; both as `.npy` bytes. Of two photographs of one view the first is taken.

    Raises:
        RunFailed: features of another size.
    """
    import pyarrow as pa

    pending: list[pa.Table] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        table = pa.concat_tables([*pending, pa.Table.from_batches([batch])])
        numbers = table.column("row_number").to_numpy()
        complete = int(np.searchsorted(numbers, numbers[-1]))
        if complete:
            yield from _rows(table.slice(0, complete), shape, columns)
        pending = [table.slice(complete)]
    if pending:
        yield from _rows(pending[0], shape, columns)


def _rows(table: pa.Table, shape: TrainingSetShape, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    numbers, view = (table.column(name).to_numpy() for name in ("row_number", "view"))
    is_first = np.append(True, numbers[1:] != numbers[:-1])
    is_used = is_first | np.append(True, view[1:] != view[:-1])
    location_index = np.cumsum(is_first)[is_used] - 1
    count = int(is_first.sum())
    features = np.zeros((count, shape.views, shape.feature_size), np.float32)
    features[location_index, view[is_used]] = _feature_rows(table, shape.feature_size)[is_used]
    view_mask = np.zeros((count, shape.views), np.bool_)
    view_mask[location_index, view[is_used]] = True
    encoded = {"features": encode_arrays(features), "view_mask": encode_arrays(view_mask)}
    locations = table.drop_columns(["features"]).take(np.flatnonzero(is_first)).combine_chunks()
    arrays = [encoded[name] if name in encoded else locations.column(name).combine_chunks() for name in columns]
    yield from pa.Table.from_arrays(arrays, names=list(columns)).to_batches()


def _feature_rows(table: pa.Table, feature_size: int) -> npt.NDArray[Any]:
    """[rows, feature_size]"""
    import pyarrow.compute as pc

    column = table.column("features").combine_chunks()
    sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    if (sizes != feature_size).any():
        wrong = int(np.flatnonzero(sizes != feature_size)[0])
        raise RunFailed(
            f"table features: image {table.column('image_id')[wrong]} has {sizes[wrong]} features, others have "
            f"{feature_size}, so the table mixes two runs; remove it and run the stage features again"
        )
    rows: npt.NDArray[Any] = column.flatten().to_numpy().reshape(-1, feature_size)
    return rows
