"""Each model gets each of its rows once an epoch, whatever fits into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from planted_rows import planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.batches import (
    StackedBatch,
    batch_size_of,
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


def given_rows(assignments: Assignments, batches: Iterable[StackedBatch], m: int) -> list[int]:
    """Rows that model m was given with a weight, told by their features; what comes with a row is checked."""
    by_features = {row.tobytes(): i for i, row in enumerate(assignments.rows.features)}
    found = []
    o, f = m % len(assignments.outcomes), m // len(assignments.outcomes)
    for batch in batches:
        for place in np.flatnonzero(batch.inputs["row_weights"][m]):
            there = batch.inputs["places"][f, place]
            row = by_features[batch.inputs["features"][there].tobytes()]
            np.testing.assert_array_equal(batch.inputs["view_mask"][there], assignments.rows.view_mask[row])
            assert batch.deciles[m, place] == assignments.rows.deciles[row, o]
            found.append(row)
    return found


@pytest.mark.parametrize(
    ("rows", "train_size", "expected"),
    [(1, 1, 16), (240, 1, 16), (400, 1, 20), (10_000, 1, 100), (1_500_000, 1, 256), (90_000, 0.01, 30)],
)
def test_automatic_batches_are_the_square_root_of_the_rows_within_bounds(
    rows: int, train_size: float, expected: int
) -> None:
    assert batch_size_of(TrainingConfig(train_size=train_size), rows) == expected
    assert batch_size_of(TrainingConfig(train_size=train_size, batch_size=7), rows) == 7


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
    for name in ("features", "places"):
        assert len({batch.inputs[name].shape for batch in batches}) == 1
    for m in range(len(assignments.models)):
        weights = assignments.learning_weights(m // 2, np.arange(len(assignments.rows)))[m % 2]
        assert sorted(given_rows(assignments, batches, m)) == np.flatnonzero(weights).tolist()


def test_the_order_is_the_same_held_or_streamed(assignments: Assignments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "streetdeciles.training.feature_source.BLOCK_MB", 7 * assignments.rows.features[0].nbytes / 2**20
    )
    layout = Layout.together(assignments)
    orders = []
    for hold in (False, True):
        source = FeatureSource(assignments.rows, buffer_mb=ONE_BLOCK, hold=hold)
        orders.append(
            given_rows(assignments, learning_batches(assignments, layout, source, batch_size=20, seed=(1,)), 3)
        )
    assert orders[0] == orders[1]


def test_features_are_held_if_they_take_a_quarter_of_the_memory_at_most(assignments: Assignments) -> None:
    size = assignments.rows.features.nbytes
    assert may_be_held(assignments.rows, 4 * size)
    assert not may_be_held(assignments.rows, 4 * size - 1)


def test_validation_gives_each_model_its_validation_rows_in_order(assignments: Assignments) -> None:
    source = FeatureSource(assignments.rows)
    batches = list(validation_batches(assignments, Layout.together(assignments), source, batch_size=20))
    for m in range(len(assignments.models)):
        weights = assignments.validation_weights(m // 2, np.arange(len(assignments.rows)))[m % 2]
        assert given_rows(assignments, batches, m) == np.flatnonzero(weights).tolist()


def test_the_order_follows_from_the_seed(assignments: Assignments) -> None:
    layout, source = Layout.together(assignments), FeatureSource(assignments.rows)
    orders = [
        given_rows(assignments, learning_batches(assignments, layout, source, batch_size=20, seed=seed), 0)
        for seed in ((1,), (1,), (2,))
    ]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_a_model_is_given_the_same_batches_with_whichever_others(assignments: Assignments) -> None:
    source, part = FeatureSource(assignments.rows), assignments.part([2], [1])
    together = list(learning_batches(assignments, Layout.together(assignments), source, batch_size=20, seed=(1,)))
    alone = list(learning_batches(part, Layout.together(part), source, batch_size=20, seed=(1,)))
    assert len(alone) == len(together)
    for one, all_ in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.inputs["places"][0], all_.inputs["places"][2])
        np.testing.assert_array_equal(one.inputs["row_weights"][0], all_.inputs["row_weights"][5])
        np.testing.assert_array_equal(one.deciles[0], all_.deciles[5])


def test_batches_are_as_even_as_can_be(assignments: Assignments) -> None:
    source = FeatureSource(assignments.rows)
    batches = list(learning_batches(assignments, Layout.together(assignments), source, batch_size=64, seed=(1,)))
    rows = [(batch.inputs["row_weights"] > 0).sum(axis=1) for batch in batches]
    assert (np.stack(rows).sum(0) == 192).all()  # 48 areas of 4
    assert [tuple(r) for r in rows] == [(64,) * 6] * 3


def test_prefetched_gives_all_in_order_and_raises_what_is_raised() -> None:
    assert list(prefetched(iter(range(50)))) == list(range(50))

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("disk gone")

    given = prefetched(broken())
    assert next(given) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(given)


def test_prefetching_stops_with_its_user() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(1)
            yield 1

    given = prefetched(endless())
    next(given)
    given.close()  # type: ignore[attr-defined]
    assert len(made) <= 5


def test_balanced_batches_give_each_model_all_classes_alike() -> None:
    """A model draws as many rows as it has; class 1 is nine tenths of them and gets a tenth of the places."""
    rows = planted_rows(areas=200, outcomes=2)
    rows.deciles[rows.area % 10 > 0, 0] = 1
    assignments = plan_assignments(rows, validation_share=0.2, seed=5)[0]
    layout, source = Layout.apart(assignments), FeatureSource(rows)
    batches = list(learning_batches(assignments, layout, source, batch_size=50, seed=(1,), balanced=True))
    assert batches[0].inputs["places"].shape[0] == len(assignments.models)
    index = np.arange(len(rows))
    for m, (outcome, fold) in enumerate(assignments.models):
        own = np.flatnonzero(assignments.learning_weights(fold, index)[m % 2])
        drawn = [row for batch in batches for row in rows_of_set(assignments, batch, m)]
        assert set(drawn) <= set(own)
        assert len(drawn) == len(own)
        shares = np.bincount(rows.deciles[drawn, m % 2], minlength=11)[1:] / len(drawn)
        there = np.unique(rows.deciles[own, rows.outcomes.index(outcome)]) - 1
        expected = np.zeros(10)
        expected[there] = 1 / len(there)
        np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / len(drawn)))


def rows_of_set(assignments: Assignments, batch: StackedBatch, s: int) -> list[int]:
    """Rows of weight 1 of a set that is one model."""
    by_features = {row.tobytes(): i for i, row in enumerate(assignments.rows.features)}
    weights = batch.inputs["row_weights"][s]
    assert set(np.unique(weights)) <= {0, 1}
    places = batch.inputs["places"][s, np.flatnonzero(weights)]
    return [by_features[batch.inputs["features"][place].tobytes()] for place in places]
