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


def views_of(rows: list[tuple[int, int, list[float]]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "location_id": [f"L{number}" for number, _, _ in rows],
            "row_number": pa.array([number for number, _, _ in rows], pa.int64()),
            "view": pa.array([view for _, view, _ in rows], pa.int8()),
            "image_id": [f"L{number}_{view}" for number, view, _ in rows],
            "features": pa.array([values for _, _, values in rows], pa.list_(pa.float32())),
        }
    )


def test_missing_view_is_zeros_and_masked() -> None:
    batches = [views_of([(7, 0, [1, 2]), (7, 2, [3, 4]), (9, 1, [5, 6])])]
    made = pa.Table.from_batches(assemble(batches, SHAPE, COLUMNS))
    assert made.column("location_id").to_pylist() == ["L7", "L9"]
    assert made.column("row_number").to_pylist() == [7, 9]
    features = decode_arrays(made.column("features"))
    assert features.dtype == np.float32
    assert features.tolist() == [[[1, 2], [0, 0], [3, 4]], [[0, 0], [5, 6], [0, 0]]]
    assert decode_arrays(made.column("view_mask")).tolist() == [[True, False, True], [False, True, False]]


def test_first_of_two_photographs_of_a_view_is_taken() -> None:
    batches = [views_of([(7, 0, [1, 2]), (7, 0, [8, 8]), (7, 1, [3, 4])])]
    (made,) = assemble(batches, SHAPE, COLUMNS)
    assert decode_arrays(made.column("features")).tolist() == [[[1, 2], [3, 4], [0, 0]]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.integers(1, 9))
def test_batches_do_not_count(views_of_location: list[int], batch_rows: int) -> None:
    rows = [
        (number, view, [float(number), float(view)])
        for number, n_views in enumerate(views_of_location)
        for view in range(n_views)
    ]
    whole = views_of(rows)
    split = [whole.slice(start, batch_rows) for start in range(0, len(rows), batch_rows)]
    made = pa.Table.from_batches(assemble(split, SHAPE, COLUMNS))
    assert made.equals(pa.Table.from_batches(assemble([whole], SHAPE, COLUMNS)))
    assert made.column("row_number").to_pylist() == list(range(len(views_of_location)))
    assert decode_arrays(made.column("view_mask")).sum(axis=1).tolist() == views_of_location


def test_features_of_another_size_name_the_image() -> None:
    with pytest.raises(RunFailed, match="image L9_1 has 3 features, others have 2"):
        list(assemble([views_of([(7, 0, [1, 2]), (9, 1, [5, 6, 7])])], SHAPE, COLUMNS))
