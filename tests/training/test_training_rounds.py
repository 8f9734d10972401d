"""As many models at once as fit into memory."""

from __future__ import annotations

import pytest

from planted_rows import planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.ordinal.network import NetworkShape
from streetdeciles.training.lessons import Lessons, plan_lessons
from streetdeciles.training.rounds import model_bytes, plan_rounds

SHAPE = NetworkShape(4, 4096, (512, 256, 128), (64,), 0.05)
SETTINGS = TrainingConfig(batch_size=64)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return plan_lessons(planted_rows(outcomes=4), validation_share=0.2, seed=5)[0]


@pytest.mark.parametrize(
    ("fit", "sizes"), [(12, [12]), (100, [12]), (7, [6, 6]), (5, [3] * 4), (2, [2, 1] * 4), (0.1, [1] * 12)]
)
def test_rounds_hold_every_model_once(lessons: Lessons, fit: float, sizes: list[int]) -> None:
    rounds = plan_rounds(lessons, SHAPE, SETTINGS, memory_bytes=fit * model_bytes(SHAPE, 64))
    assert [len(part.models) for part in rounds] == sizes
    assert sorted(model for part in rounds for model in part.models) == sorted(lessons.models)


def test_model_bytes_are_of_the_papers_network() -> None:
    # 2.3 million parameters: 55 MB with Adam's state; a batch of 64: 17 MB of features and 8 MB of activations
    assert model_bytes(SHAPE, 64) == pytest.approx(80e6, rel=0.1)
