"""Views of locations become rows of the training set, whatever batches they come in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.dataset.assembly import assemble
from streetdeciles.errors import RunFailed
from streetdeciles.training_set.codec import decode_arrays
from streetdeciles.training_set.columns import TrainingSetShape

SHAPE = TrainingSetShape(rows=2, views=3, feature_size=2, outcomes=())
COLUMNS = ("location_id", "row_number", "features", "view_mask")


Row = tuple[int, int | None, list[float] | None]
"""Number of a location, view, features; the last two are None in the row of the location itself."""


def rows_of(rows: list[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "location_id": [f"L{number}" for number, _, _ in rows],
            "row_number": pa.array([number if view is None else None for number, view, _ in rows], pa.int64()),
            "view": pa.array([view for _, view, _ in rows], pa.int8()),
            "image_id": [None if view is None else f"L{number}_{view}" for number, view, _ in rows],
            "features": pa.array([values for _, _, values in rows], pa.list_(pa.float32())),
        }
    )


def location(number: int) -> Row:
    return number, None, None


def test_missing_view_is_zeros_and_masked() -> None:
    batches = [rows_of([location(7), (7, 0, [1, 2]), (7, 2, [3, 4]), location(9), (9, 1, [5, 6])])]
    made = pa.Table.from_batches(assemble(batches, SHAPE, COLUMNS))
    assert made.column("location_id").to_pylist() == ["L7", "L9"]
    assert made.column("row_number").to_pylist() == [7, 9]
    features = decode_arrays(made.column("features"))
    assert features.dtype == np.float32
    assert features.tolist() == [[[1, 2], [0, 0], [3, 4]], [[0, 0], [5, 6], [0, 0]]]
    assert decode_arrays(made.column("view_mask")).tolist() == [[True, False, True], [False, True, False]]


def test_first_of_two_photographs_of_a_view_is_taken() -> None:
    batches = [rows_of([location(7), (7, 0, [1, 2]), (7, 0, [8, 8]), (7, 1, [3, 4])])]
    (made,) = assemble(batches, SHAPE, COLUMNS)
    assert decode_arrays(made.column("features")).tolist() == [[[1, 2], [3, 4], [0, 0]]]


def test_location_without_photographs_is_refused() -> None:
    with pytest.raises(RunFailed, match="L8 is missing"):
        list(assemble([rows_of([location(7), (7, 0, [1, 2]), location(8)])], SHAPE, COLUMNS))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 9))
def test_batches_and_photographs_of_other_locations_do_not_count(views_of: list[int], batch_rows: int) -> None:
    photographs: list[Row] = [
        (number, view, [float(number), float(view)]) for number, n in enumerate(views_of) for view in range(n or 2)
    ]
    known = {number for number, n in enumerate(views_of) if n}
    rows = [*photographs, *map(location, known)]
    whole = rows_of(sorted(rows, key=lambda row: (row[0], -1 if row[1] is None else row[1])))
    split = [whole.slice(start, batch_rows) for start in range(0, len(rows), batch_rows)]
    made = list(assemble(split, SHAPE, COLUMNS))
    assert [number for batch in made for number in batch.column("row_number").to_pylist()] == sorted(known)
    features = [decode_arrays(batch.column("features")) for batch in made]
    expected = np.zeros((len(views_of), 3, 2), np.float32)
    for number, view, values in photographs:
        expected[number, view] = values
    assert np.array_equal(np.concatenate([np.empty((0, 3, 2)), *features]), expected[sorted(known)])
    masks = [mask for batch in made for mask in decode_arrays(batch.column("view_mask")).sum(axis=1)]
    assert masks == [n for n in views_of if n]


@pytest.mark.parametrize(("values", "size"), [([5, 6, 7], 3), ([], 0), (None, 0)])
def test_features_of_another_size_name_the_image(values: list[float] | None, size: int) -> None:
    rows: list[Row] = [location(7), (7, 0, [1, 2]), location(9), (9, 1, values)]
    with pytest.raises(RunFailed, match=f"image L9_1 has {size} features, others have 2"):
        list(assemble([rows_of(rows)], SHAPE, COLUMNS))
