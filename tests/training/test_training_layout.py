"""Stopped models leave the stack; all sets keep one size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planted_rows import planted_rows
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.layout import Layout


@pytest.fixture(scope="module")
def assignments() -> Assignments:
    return plan_assignments(planted_rows(), validation_share=0.2, seed=5)[0]


def test_together_a_set_is_a_fold_and_apart_it_is_a_model(assignments: Assignments) -> None:
    """Three folds of two outcomes."""
    together, apart = Layout.together(assignments), Layout.apart(assignments)
    assert together.model_indices.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert [(fold, outcomes.tolist()) for fold, outcomes in together.sets()] == [(0, [0, 1]), (1, [0, 1]), (2, [0, 1])]
    assert [(fold, outcomes.tolist()) for fold, outcomes in apart.sets()] == [
        (f, [o]) for f in range(3) for o in range(2)
    ]
    assert [assignments.models[m] for m in together.models] == list(assignments.models)


def test_stopped_models_stay_only_to_keep_sets_of_one_size() -> None:
    layout = Layout(np.arange(9).reshape(3, 3), 3)
    stopped = np.isin(np.arange(9), [0, 1, 2, 3, 7])
    assert layout.without(stopped).model_indices.tolist() == [[4, 5], [6, 8]]
    stopped[8] = True
    assert layout.without(stopped).model_indices.tolist() == [[4, 5], [6, 7]]
    assert layout.without(np.ones(9, bool)).model_indices.size == 0


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_every_model_that_has_not_stopped_stays_once(folds: int, outcomes: int, data: st.DataObject) -> None:
    layout = Layout(np.arange(folds * outcomes).reshape(folds, outcomes), outcomes)
    size = folds * outcomes
    stopped = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool)
    kept = layout.without(stopped)
    assert set(np.flatnonzero(~stopped)) <= set(kept.models.tolist())
    assert len(set(kept.models.tolist())) == kept.model_indices.size
    for f, outcome_indices in kept.sets():
        assert (kept.model_indices[[g for g, _ in kept.sets()].index(f)] // outcomes == f).all()
        assert len(outcome_indices) == max(1, (~stopped).reshape(folds, outcomes).sum(axis=1).max())
