"""Many steps per call: the same models and measures as one step after another, also across buffers of features."""

from __future__ import annotations

import numpy as np

from planted_rows import planted_plan, planted_rows
from streetdeciles.config import TrainingConfig
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.batches import StackedBatch, learning_batches
from streetdeciles.training.feature_source import FeatureSource
from streetdeciles.training.layout import Layout
from streetdeciles.training.stack import TrainingStack
from streetdeciles.training.stacked_training import first_weights
from streetdeciles.training.steps import STEPS_PER_CALL, learning_steps

SETTINGS = TrainingConfig(view_units=[16], location_units=[8], batch_size=5, noise=0.1)


def new_stack(assignments: Assignments) -> TrainingStack:
    plan = planted_plan(SETTINGS, assignments.rows)
    stack = TrainingStack(assignments, plan, Layout.together(assignments))
    stack.network.set_model_weights(first_weights(assignments, stack.shape, plan.seed))
    return stack


def batches_of(stack: TrainingStack) -> list[StackedBatch]:
    """Those of an epoch, and as many of another as are not full groups; each epoch has its own array of features."""
    epochs = [
        [*learning_batches(stack.assignments, stack.layout, source, batch_size=5, seed=(1, epoch))]
        for epoch, source in enumerate([FeatureSource(stack.assignments.rows)] * 2)
    ]
    assert epochs[0][0].inputs["features"] is not epochs[1][0].inputs["features"]
    return [*epochs[0], *epochs[1][: STEPS_PER_CALL + 3]]


def test_many_steps_equal_one_after_another() -> None:
    assignments, _ = plan_assignments(planted_rows(), validation_share=0.2, seed=1)
    together, one_by_one = new_stack(assignments), new_stack(assignments)
    batches = batches_of(together)
    assert len(batches) == 58  # two calls of 16 steps and 7 of one, then one call of 16 steps and 3 of one
    measured = [*learning_steps(together.network)(batches)]
    network = one_by_one.network
    expected = [network.train_on_batch(batch.inputs, batch.deciles, return_dict=True) for batch in batches]
    for metrics, single in zip(measured, expected, strict=True):
        assert {*metrics} == {*single}
        for name, value in single.items():
            np.testing.assert_allclose(metrics[name], np.asarray(value), rtol=1e-5, atol=1e-6)
    for variable, single in zip(together._variables(), one_by_one._variables(), strict=True):
        np.testing.assert_allclose(np.asarray(variable), np.asarray(single), rtol=1e-5, atol=1e-6)
