"""Each model gets each of its rows once per epoch, however much fits into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from planted_rows import planted_rows
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.batches import (
    StackedBatch,
    learning_batches,
    prefetched,
    validation_batches,
)
from streetdeciles.training.feature_source import FeatureSource, may_be_held
from streetdeciles.training.layout import Layout

ALL_AT_ONCE = 512.0
ONE_BLOCK = 0.001


@pytest.fixture(scope="module")
def assignments() -> Assignments:
    return plan_assignments(planted_rows(), validation_share=0.2, seed=5)[0]


def rows_of_model(assignments: Assignments, batches: Iterable[StackedBatch], model: int) -> list[int]:
    """Rows that a model gets with a weight above 0, recognised by their features; checks their view mask and decile."""
    by_features = {row.tobytes(): i for i, row in enumerate(assignments.rows.features)}
    rows = []
    fold_index, outcome_index = divmod(model, len(assignments.outcomes))
    for batch in batches:
        for column in np.flatnonzero(batch.inputs["row_weights"][model]):
            slot = batch.inputs["row_slots"][fold_index, column]
            row = by_features[batch.inputs["features"][slot].tobytes()]
            np.testing.assert_array_equal(batch.inputs["view_mask"][slot], assignments.rows.view_mask[row])
            assert batch.deciles[model, column] == assignments.rows.deciles[row, outcome_index]
            rows.append(row)
    return rows


@pytest.mark.parametrize("buffer_mb", [ALL_AT_ONCE, ONE_BLOCK])
@pytest.mark.parametrize("block_rows", [7, 1000])
@pytest.mark.parametrize("hold", [False, True])
def test_an_epoch_gives_each_model_each_row_once(
    assignments: Assignments, buffer_mb: float, block_rows: int, hold: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_mb = block_rows * assignments.rows.features[0].nbytes / 2**20
    monkeypatch.setattr("streetdeciles.training.feature_source.BLOCK_MB", block_mb)
    source = FeatureSource(assignments.rows, buffer_mb=buffer_mb, hold=hold)
    batches = list(learning_batches(assignments, Layout.together(assignments), source, batch_size=20, seed=(1, 2)))
    for name in ("features", "row_slots"):
        assert len({batch.inputs[name].shape for batch in batches}) == 1
    for m in range(len(assignments.models)):
        weights = assignments.learning_weights(m // 2, np.arange(len(assignments.rows)))[m % 2]
        assert sorted(rows_of_model(assignments, batches, m)) == np.flatnonzero(weights).tolist()


def test_the_order_is_the_same_held_or_streamed(assignments: Assignments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "streetdeciles.training.feature_source.BLOCK_MB", 7 * assignments.rows.features[0].nbytes / 2**20
    )
    layout = Layout.together(assignments)
    orders = []
    for hold in (False, True):
        source = FeatureSource(assignments.rows, buffer_mb=ONE_BLOCK, hold=hold)
        orders.append(
            rows_of_model(assignments, learning_batches(assignments, layout, source, batch_size=20, seed=(1,)), 3)
        )
    assert orders[0] == orders[1]


def test_features_are_held_if_a_quarter_of_the_memory_is_enough(assignments: Assignments) -> None:
    size = assignments.rows.features.nbytes
    assert may_be_held(assignments.rows, 4 * size)
    assert not may_be_held(assignments.rows, 4 * size - 1)


def test_validation_gives_each_model_its_validation_rows_in_order(assignments: Assignments) -> None:
    source = FeatureSource(assignments.rows)
    batches = list(validation_batches(assignments, Layout.together(assignments), source, batch_size=20))
    for m in range(len(assignments.models)):
        weights = assignments.validation_weights(m // 2, np.arange(len(assignments.rows)))[m % 2]
        assert rows_of_model(assignments, batches, m) == np.flatnonzero(weights).tolist()


def test_the_order_depends_on_the_seed(assignments: Assignments) -> None:
    layout, source = Layout.together(assignments), FeatureSource(assignments.rows)
    orders = [
        rows_of_model(assignments, learning_batches(assignments, layout, source, batch_size=20, seed=seed), 0)
        for seed in ((1,), (1,), (2,))
    ]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_a_models_batches_do_not_depend_on_other_models(assignments: Assignments) -> None:
    source, part = FeatureSource(assignments.rows), assignments.part([2], [1])
    together = list(learning_batches(assignments, Layout.together(assignments), source, batch_size=20, seed=(1,)))
    alone = list(learning_batches(part, Layout.together(part), source, batch_size=20, seed=(1,)))
    assert len(alone) == len(together)
    for one, of_all in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.inputs["row_slots"][0], of_all.inputs["row_slots"][2])
        np.testing.assert_array_equal(one.inputs["row_weights"][0], of_all.inputs["row_weights"][5])
        np.testing.assert_array_equal(one.deciles[0], of_all.deciles[5])


def test_batches_are_as_even_as_can_be(assignments: Assignments) -> None:
    source = FeatureSource(assignments.rows)
    batches = list(learning_batches(assignments, Layout.together(assignments), source, batch_size=64, seed=(1,)))
    rows = [(batch.inputs["row_weights"] > 0).sum(axis=1) for batch in batches]
    assert (np.stack(rows).sum(0) == 192).all()  # 48 areas of 4
    assert [tuple(r) for r in rows] == [(64,) * 6] * 3


def test_prefetched_keeps_the_order_and_passes_errors_on() -> None:
    assert list(prefetched(iter(range(50)))) == list(range(50))

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("disk gone")

    items = prefetched(broken())
    assert next(items) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(items)


def test_prefetching_stops_when_its_user_stops() -> None:
    produced: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            produced.append(1)
            yield 1

    items = prefetched(endless())
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert len(produced) <= 5


def test_balanced_batches_draw_all_classes_equally_often() -> None:
    """A model draws as many rows as it has; class 1 is nine tenths of its rows and a tenth of the draws."""
    rows = planted_rows(areas=200, outcomes=2)
    rows.deciles[rows.area % 10 > 0, 0] = 1
    assignments = plan_assignments(rows, validation_share=0.2, seed=5)[0]
    layout, source = Layout.apart(assignments), FeatureSource(rows)
    batches = list(learning_batches(assignments, layout, source, batch_size=50, seed=(1,), balanced=True))
    assert batches[0].inputs["row_slots"].shape[0] == len(assignments.models)
    everything = np.arange(len(rows))
    for model, (outcome, fold) in enumerate(assignments.models):
        learned = np.flatnonzero(assignments.learning_weights(fold, everything)[model % 2])
        drawn = [row for batch in batches for row in rows_of_set(assignments, batch, model)]
        assert set(drawn) <= set(learned)
        assert len(drawn) == len(learned)
        shares = np.bincount(rows.deciles[drawn, model % 2], minlength=11)[1:] / len(drawn)
        occurring = np.unique(rows.deciles[learned, rows.outcomes.index(outcome)]) - 1
        expected = np.zeros(10)
        expected[occurring] = 1 / len(occurring)
        np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / len(drawn)))


def rows_of_set(assignments: Assignments, batch: StackedBatch, set_index: int) -> list[int]:
    """The rows of weight 1 of a set that is a single model."""
    by_features = {row.tobytes(): i for i, row in enumerate(assignments.rows.features)}
    weights = batch.inputs["row_weights"][set_index]
    assert set(np.unique(weights)) <= {0, 1}
    slots = batch.inputs["row_slots"][set_index, np.flatnonzero(weights)]
    return [by_features[batch.inputs["features"][slot].tobytes()] for slot in slots]
