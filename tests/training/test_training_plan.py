"""What `auto` means in the settings of a training."""

from __future__ import annotations

import pytest

from streetdeciles.config import TrainingConfig, result_settings
from streetdeciles.training.plan import plan_training


@pytest.mark.parametrize(
    ("rows", "train_size", "expected"),
    [(1, 1, 16), (240, 1, 16), (400, 1, 20), (10_000, 1, 100), (1_500_000, 1, 256), (90_000, 0.01, 30)],
)
def test_automatic_batch_size_is_the_square_root_within_bounds(rows: int, train_size: float, expected: int) -> None:
    def batch_size(**changes: object) -> int:
        settings = TrainingConfig.model_validate({"train_size": train_size, **changes})
        return plan_training(settings, seed=1, n_locations=rows, precision="float32").batch_size

    assert batch_size() == expected
    assert batch_size(batch_size=7) == 7


def test_plan_puts_values_in_place_of_auto() -> None:
    settings = TrainingConfig(epochs=3)

    plan = plan_training(settings, seed=1, n_locations=400, precision="bfloat16")

    assert plan.settings == settings
    assert plan.resolved_settings() == result_settings(settings) | {"batch_size": 20, "precision": "bfloat16"}
