"""A round has as many models as fit into memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from interrupted_training import one_outcome_per_round, train_planted

from planted_rows import planted_rows
from streetdeciles.ordinal.network import NetworkShape
from streetdeciles.ordinal.stacked_network import StackedNetwork
from streetdeciles.training import stack as training_stack
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.rounds import model_bytes, plan_rounds

SHAPE = NetworkShape(4, 4096, (512, 256, 128), (64,), 0.05)
BATCH_SIZE = 64


@pytest.fixture(scope="module")
def assignments() -> Assignments:
    return plan_assignments(planted_rows(outcomes=4), validation_share=0.2, seed=5)[0]


@pytest.mark.parametrize(
    ("fitting_models", "sizes"), [(12, [12]), (100, [12]), (7, [6, 6]), (5, [3] * 4), (2, [2, 1] * 4), (0.1, [1] * 12)]
)
def test_rounds_hold_every_model_once(assignments: Assignments, fitting_models: float, sizes: list[int]) -> None:
    rounds = plan_rounds(assignments, SHAPE, BATCH_SIZE, memory_bytes=fitting_models * model_bytes(SHAPE, BATCH_SIZE))
    assert [len(part.models) for part in rounds] == sizes
    assert sorted(model for part in rounds for model in part.models) == sorted(assignments.models)


def test_model_bytes_of_the_papers_network() -> None:
    # 2.3 million parameters: 55 MB with Adam's state; a batch of 64: 17 MB of features and 8 MB of activations
    assert model_bytes(SHAPE, BATCH_SIZE) == pytest.approx(80e6, rel=0.1)


def test_a_round_starts_without_the_network_of_the_last_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory would be missing. Python's automatic garbage collection, which may come late, is switched off."""
    networks: list[weakref.ref[StackedNetwork]] = []
    alive: list[int] = []
    empty_stack = training_stack.empty_stack

    def watched(*args: Any, **kwargs: Any) -> StackedNetwork:
        alive.append(sum(network() is not None for network in networks))
        network = empty_stack(*args, **kwargs)
        networks.append(weakref.ref(network))
        return network

    monkeypatch.setattr(training_stack, "empty_stack", watched)
    monkeypatch.setattr("streetdeciles.training.rounds.plan_rounds", one_outcome_per_round)
    gc.disable()
    try:
        train_planted(tmp_path, epochs=2)
    finally:
        gc.enable()
    assert alive == [0, 0]
