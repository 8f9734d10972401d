"""From Arrow batches of single views to rows of the training set, one per location."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunFailed
from streetdeciles.training_set.codec import encoded_zeros
from streetdeciles.training_set.columns import TrainingSetShape

if TYPE_CHECKING:
    import pyarrow as pa


def assemble(
    batches: Iterable[pa.RecordBatch], shape: TrainingSetShape, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """One row for each location, from a row without `view`, which has its columns, and those of its photographs.

    Args:
        batches: sorted by `location_id`, `view` (null first) and `image_id`; `view` tinyint, `features` list of
            shape.feature_size floats. A location may lie across batches. Photographs of other locations are skipped.
        shape: views and feature size of the set.
        columns: of the rows to make. `features` become float32 [views, feature_size], zeros where a view is missing;
            `view_mask` bool [views]; both as `.npy` bytes. Of two photographs of one view the first is taken.

    Raises:
        RunFailed: features of another size, or a location without any.
    """
    import pyarrow as pa

    pending: list[pa.Table] = []
    for batch in batches:
        table = _of_locations(pa.concat_tables([*pending, pa.Table.from_batches([batch])]))
        starts = np.flatnonzero(table.column("view").is_null())
        if not starts.size:
            continue
        if starts[-1]:
            yield from _rows(table.slice(0, starts[-1]), shape, columns)
        pending = [table.slice(starts[-1])]
    if pending:
        yield from _rows(pending[0], shape, columns)


def _of_locations(table: pa.Table) -> pa.Table:
    """`table` without photographs that do not follow the row of their location."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids, is_location = table.column("location_id"), table.column("view").is_null()
    before = pa.array([None], pa.string())  # of rows before the first location
    location_ids = pa.chunked_array([before, *ids.filter(is_location).chunks])
    follows = pc.fill_null(pc.equal(ids, location_ids.take(np.cumsum(is_location))), False)
    return table if pc.all(follows).as_py() else table.filter(follows)


def _rows(table: pa.Table, shape: TrainingSetShape, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of whole locations."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_location = np.asarray(table.column("view").is_null())
    view = np.asarray(pc.fill_null(table.column("view"), -1))
    is_first = view[1:] != view[:-1]
    photograph = np.flatnonzero(~is_location)
    is_used, view = is_first[photograph - 1], view[photograph]
    location_index = np.cumsum(is_location)[photograph] - 1
    locations = table.filter(is_location)
    encoded, features = encoded_zeros(len(locations), (shape.views, shape.feature_size), np.float32)
    for rows, values in _feature_rows(table, shape.feature_size):
        used = is_used[rows]
        features[location_index[rows][used], view[rows][used]] = values if used.all() else values[used]
    encoded_mask, view_mask = encoded_zeros(len(locations), (shape.views,), np.bool_)
    view_mask[location_index, view] = True
    if not view_mask.any(axis=1).all():
        missing = locations.column("location_id")[int(np.argmin(view_mask.any(axis=1)))]
        raise RunFailed(f"table features: changed while it was read: {missing} is missing; run the stage dataset again")
    arrays = {"features": encoded, "view_mask": encoded_mask}
    made = [arrays[name] if name in arrays else locations.column(name) for name in columns]
    yield from pa.Table.from_arrays(made, names=list(columns)).combine_chunks().to_batches()


def _feature_rows(table: pa.Table, feature_size: int) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Which photographs, and their features [rows, feature_size], as they lie in memory."""
    import pyarrow.compute as pc

    column, end = table.column("features"), 0
    sizes = pc.fill_null(pc.list_value_length(column), 0)
    is_wrong = pc.and_(pc.is_valid(table.column("view")), pc.not_equal(sizes, feature_size))
    if pc.any(is_wrong).as_py():
        wrong = pc.index(is_wrong, True).as_py()
        raise RunFailed(
            f"table features: image {table.column('image_id')[wrong]} has {sizes[wrong]} features, others have "
            f"{feature_size}, so the table mixes two runs; remove it and run the stage features again"
        )
    for chunk in column.chunks:
        values = chunk.flatten().to_numpy().reshape(-1, feature_size)
        start, end = end, end + len(values)
        yield slice(start, end), values
