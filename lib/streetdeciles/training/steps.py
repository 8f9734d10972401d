"""Steps of training: one batch per call of Keras, or with JAX many per call, so that the device waits for no Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from streetdeciles.training.batches import StackedBatch

STEPS_PER_CALL = 16
"""Compiled as one loop. The remaining steps of an epoch are done one by one, so there are two programs to compile."""

Metrics = dict[str, Any]
"""Arrays by name, of one batch."""

Steps = Callable[[Iterable[StackedBatch]], Iterator[Metrics]]
"""Learns from the batches in their order; the metrics come in the same order, some steps late."""


def learning_steps(network: keras.Model) -> Steps:
    """The steps of a compiled network on Keras' backend."""
    if keras.backend.backend() == "jax":
        return partial(_steps_of_jax, network, _many_steps(network))
    return lambda batches: (network.train_on_batch(batch.inputs, batch.deciles, return_dict=True) for batch in batches)


def _steps_of_jax(
    network: keras.Model, run: Callable[..., tuple[Any, Metrics]], batches: Iterable[StackedBatch]
) -> Iterator[Metrics]:
    """The metrics of a call are read when the next one is on its way, so that the device does not wait for that."""
    earlier: Metrics | None = None
    for group in _groups(batches):
        shared = {name: array for name, array in group[0].inputs.items() if _is_shared(name)}
        inputs = {name: np.stack([batch.inputs[name] for batch in group]) for name in group[0].inputs.keys() - shared}
        variables = _variables(network)
        values = [[variable.value for variable in part] for part in variables]
        values, metrics = run(values, shared, inputs, np.stack([batch.deciles for batch in group]))
        for part, part_values in zip(variables, values, strict=True):
            for variable, value in zip(part, part_values, strict=True):
                variable.assign(value)
        if earlier is not None:
            yield from _by_step(earlier)
        earlier = metrics
    if earlier is not None:
        yield from _by_step(earlier)


def _many_steps(network: keras.Model) -> Callable[..., tuple[Any, Metrics]]:
    """A compiled function of the network's variables and batches; the variables' memory is used for their new values.

    Keras' `train_step` is a pure function of (trainable, other, optimizer's, metrics') variables on JAX.
    """
    import jax

    def run(values: Any, shared: Any, inputs: Any, deciles: Any) -> Any:
        def step(values: Any, batch: Any) -> Any:
            metrics, values = network.train_step(tuple(values), ({**shared, **batch[0]}, batch[1]))
            return [*map(list, values)], metrics

        return jax.lax.scan(step, values, (inputs, deciles))

    compiled: Callable[..., tuple[Any, Metrics]] = jax.jit(run, donate_argnums=0)
    return compiled


def _variables(network: keras.Model) -> list[list[Any]]:
    return [
        network.trainable_variables,
        network.non_trainable_variables,
        network.optimizer.variables,
        network.metrics_variables,
    ]


def _groups(batches: Iterable[StackedBatch]) -> Iterator[Sequence[StackedBatch]]:
    """Full groups of batches of the same features, and then each of those that are left by itself."""
    group: list[StackedBatch] = []
    for batch in batches:
        if group and batch.inputs["features"] is not group[0].inputs["features"]:
            yield from ([earlier] for earlier in group)
            group = []
        group.append(batch)
        if len(group) == STEPS_PER_CALL:
            yield group
            group = []
    yield from ([batch] for batch in group)


def _is_shared(name: str) -> bool:
    """Whether all batches of a buffer have the same array of this name."""
    return name in ("features", "view_mask")


def _by_step(metrics: Metrics) -> Iterator[Metrics]:
    arrays = {name: np.asarray(array) for name, array in metrics.items()}
    n_steps = len(next(iter(arrays.values())))
    return ({name: array[i] for name, array in arrays.items()} for i in range(n_steps))
