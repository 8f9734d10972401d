"""A stack of networks equals its networks: compared with plain Keras models that are trained one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, kstest

from streetdeciles.ordinal import SCORE_BINS, SCORE_LIMIT
from streetdeciles.ordinal.balance import class_weights
from streetdeciles.ordinal.binomial import negative_log_likelihood
from streetdeciles.ordinal.network import (
    BATCH_NORM_MOMENTUM,
    NetworkShape,
    Weights,
    initial_weights,
    location_network,
)
from streetdeciles.ordinal.stacked_network import StackedNetwork, stack

SHAPE = NetworkShape(views=3, features=20, view_units=(16, 8), location_units=(6,), noise=0.0)
MODELS, ROWS, STEPS, LEARNING_RATE = 4, 32, 5, 1e-2
FEATURE_ROWS = 40
"""Rows of features in a batch; each set reads ROWS of them."""
MOVING = (3, 4, 8, 9, 13, 14)
"""Indices of the moving means (3, 8, 13) and variances in a network's weights."""

PLAIN = replace(SHAPE, variant="plain")
WEIGHT_DECAY = 0.05


def fresh(models: int = MODELS, shape: NetworkShape = SHAPE) -> list[Weights]:
    network = location_network(shape)
    return [initial_weights(network, np.random.default_rng(seed)) for seed in range(models)]


def batches(sets: int = 1, steps: int = STEPS) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Some views are missing; each set reads different rows, and each model uses different ones, weighted by class."""
    rng = np.random.default_rng(5)
    data = []
    for _ in range(steps):
        view_mask = rng.random((FEATURE_ROWS, SHAPE.views)) < 0.8
        view_mask[:, 0] = True
        features = rng.normal(2, 3, (FEATURE_ROWS, SHAPE.views, SHAPE.features)).astype(np.float32)
        row_slots = np.stack([rng.permutation(FEATURE_ROWS)[:ROWS] for _ in range(sets)]).astype(np.int32)
        deciles = rng.integers(1, 11, (MODELS, ROWS))
        used = rng.random((MODELS, ROWS)) < 0.7
        weights = np.stack([class_weights(np.where(u, d, 0))[d] * u for u, d in zip(used, deciles, strict=True)])
        inputs = {"features": features, "view_mask": view_mask, "row_slots": row_slots, "row_weights": weights}
        data.append((inputs, deciles))
    return data


def train(
    network: StackedNetwork, data: list[tuple[dict[str, np.ndarray], np.ndarray]], *, eagerly: bool = True
) -> list[Any]:
    network.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), jit_compile=False, run_eagerly=eagerly)
    return [network.train_on_batch(x, y, return_dict=True)["by_model"] for x, y in data]


def trained_alone(
    m: int,
    data: list[tuple[dict[str, np.ndarray], np.ndarray]],
    sets: int = 1,
    *,
    shape: NetworkShape = SHAPE,
    weight_decay: float = 0.0,
) -> Weights:
    """Model m as a separate Keras model that reads its own rows only."""

    def loss(deciles: Any, scores: Any) -> Any:
        return negative_log_likelihood(deciles[:, 0], scores[:, 0])

    alone = location_network(shape)
    alone.set_weights(fresh(shape=shape)[m])
    for variable in alone.trainable_variables if weight_decay else ():
        variable.regularizer = keras.regularizers.L2(weight_decay / 2)
    alone.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss, run_eagerly=True)
    set_index = m // (MODELS // sets)
    for x, y in data:
        used = x["row_weights"][m] > 0
        rows = x["row_slots"][set_index][used]
        inputs = {"features": x["features"][rows], "view_mask": x["view_mask"][rows]}
        alone.train_on_batch(inputs, y[m][used][:, None], sample_weight=x["row_weights"][m][used])
    return alone.get_weights()


@pytest.mark.parametrize("sets", [1, 2])
def test_stacked_training_equals_training_each_alone(sets: int) -> None:
    data = batches(sets)
    network = stack(SHAPE, fresh(), sets=sets)
    train(network, data, eagerly=False)
    start_left = BATCH_NORM_MOMENTUM**STEPS
    for m, weights in enumerate(network.get_model_weights(range(MODELS))):
        for i, (stacked, alone) in enumerate(zip(weights, trained_alone(m, data, sets), strict=True)):
            # In Keras' moving statistics the initial 0 or 1 keeps some weight; in a stack's it has none.
            start = 0.0 if i in MOVING[::2] else 1.0
            expected = (alone - start_left * start) / (1 - start_left) if i in MOVING else alone
            np.testing.assert_allclose(stacked, expected, rtol=1e-3, atol=2e-5, err_msg=f"model {m}, array {i}")
        assert not np.allclose(weights[0], fresh()[m][0], atol=1e-2), "the test must train"


@pytest.mark.parametrize("sets", [1, 2])
def test_stacked_training_of_plain_networks_equals_training_alone(sets: int) -> None:
    """With weight decay on every parameter, including biases, as in PyTorch's Adam."""
    data = batches(sets)
    network = stack(PLAIN, fresh(shape=PLAIN), sets=sets, weight_decay=WEIGHT_DECAY)
    train(network, data, eagerly=False)
    for m, weights in enumerate(network.get_model_weights(range(MODELS))):
        expected = trained_alone(m, data, sets, shape=PLAIN, weight_decay=WEIGHT_DECAY)
        undecayed = trained_alone(m, data, sets, shape=PLAIN)
        for i, (stacked, alone) in enumerate(zip(weights, expected, strict=True)):
            np.testing.assert_allclose(stacked, alone, rtol=1e-3, atol=2e-5, err_msg=f"model {m}, array {i}")
        assert not np.allclose(weights[0], undecayed[0], atol=1e-3), "the test must decay"
        assert not np.allclose(weights[0], fresh(shape=PLAIN)[m][0], atol=1e-2), "the test must train"


def test_weight_decay_is_not_part_of_the_reported_losses() -> None:
    data = batches(steps=1)
    sums = [train(stack(PLAIN, fresh(shape=PLAIN), weight_decay=decay), data)[0] for decay in (0.0, WEIGHT_DECAY)]
    np.testing.assert_array_equal(sums[0], sums[1])


def test_stacked_metrics_are_those_of_each_model_alone() -> None:
    """Computed from the scores of each network alone; the last bias moves some scores beyond the outermost bins."""
    x, y = batches(steps=1)[0]
    weights = fresh()
    for m, bias in enumerate((0.0, 2.0, -7.0, 9.0)):
        weights[m][-1] += bias
    network = stack(SHAPE, weights)
    network.compile(optimizer="adam", jit_compile=False, run_eagerly=True)
    metrics = network.test_on_batch(x, y, return_dict=True)
    for m, used in enumerate(x["row_weights"] > 0):
        alone = location_network(SHAPE)
        alone.set_weights(weights[m])
        rows = x["row_slots"][0][used]
        inputs = {"features": x["features"][rows], "view_mask": x["view_mask"][rows]}
        scores = np.asarray(alone(inputs), np.float64)[:, 0]
        true, losses = y[m][used], -binom.logpmf(y[m][used] - 1, 9, expit(scores))
        errors = np.abs(np.minimum(np.floor(10 * expit(scores)), 9) + 1 - true)
        expected = [used.sum(), (x["row_weights"][m][used] * losses).sum(), errors.sum(), (errors == 0).sum()]
        np.testing.assert_allclose(metrics["by_model"][:, m], expected, rtol=1e-4)
        counts, _ = np.histogram(np.clip(scores, -7.99, 7.99), bins=SCORE_BINS, range=(-SCORE_LIMIT, SCORE_LIMIT))
        np.testing.assert_array_equal(metrics["score_counts"][:, m], counts)
    assert metrics["score_counts"][-1, 3] > 0


def test_rows_of_weight_zero_do_not_change_a_model() -> None:
    """Whatever these rows hold, weights and statistics are the same bit for bit."""
    clean, poisoned = batches(), batches()
    m = 2
    for x, y in poisoned:
        held_out = x["row_weights"][m] == 0
        x["features"][x["row_slots"][0][held_out]] = 1e4
        y[m][held_out] = 11 - y[m][held_out]
    trained = []
    for data in (clean, poisoned):
        network = stack(SHAPE, fresh())
        train(network, data)
        trained += network.get_model_weights([m])
    for a, b in zip(*trained, strict=True):
        np.testing.assert_array_equal(a, b)


def test_missing_views_do_not_change_a_model() -> None:
    clean, poisoned = batches(), batches()
    for x, _ in poisoned:
        x["features"][~x["view_mask"]] = 1e4
    trained = []
    for data in (clean, poisoned):
        network = stack(SHAPE, fresh())
        train(network, data)
        trained.append(network.get_model_weights(range(MODELS)))
    for a, b in zip(sum(trained[0], []), sum(trained[1], []), strict=True):
        np.testing.assert_array_equal(a, b)


def test_moving_statistics_after_one_batch_are_those_of_the_batch() -> None:
    x, y = batches(steps=1)[0]
    network = stack(SHAPE, fresh())
    train(network, [(x, y)])
    for m, weights in enumerate(network.get_model_weights(range(MODELS))):
        rows = x["row_slots"][0][x["row_weights"][m] > 0]
        values = x["features"][rows][x["view_mask"][rows]] @ fresh()[m][0]
        np.testing.assert_allclose(weights[3], values.mean(0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(weights[4], values.var(0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [SHAPE, PLAIN], ids=["batch_norm", "plain"])
def test_a_model_without_rows_in_a_batch_does_not_change(shape: NetworkShape) -> None:
    x, y = batches(steps=1)[0]
    x["row_weights"][1] = 0
    network = stack(shape, fresh(shape=shape), weight_decay=WEIGHT_DECAY)
    (by_model,) = train(network, [(x, y)])
    np.testing.assert_array_equal(by_model[:, 1], 0)
    for before, after in zip(fresh(shape=shape)[1], network.get_model_weights([1])[0], strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_model_taken_out_of_the_stack_gives_the_same_scores() -> None:
    data = batches()
    network = stack(SHAPE, fresh())
    train(network, data)
    x, _ = data[0]
    scores = np.asarray(network({"features": x["features"], "view_mask": x["view_mask"]}))
    for m, weights in enumerate(network.get_model_weights(range(MODELS))):
        alone = location_network(SHAPE)
        alone.set_weights(weights)
        alone_scores = alone({"features": x["features"], "view_mask": x["view_mask"]})
        np.testing.assert_allclose(np.asarray(alone_scores)[:, 0], scores[m], rtol=1e-5, atol=1e-5)


def test_noise_is_normal_and_the_same_for_all_sets() -> None:
    """Model m's score is (feature m of its set, with noise, + 5) / 8: its layers copy feature m."""
    n, size, sd = 2000, 5, 0.5
    shape = NetworkShape(1, size, (size,), (), sd, "plain")
    pick = [[np.eye(size), np.zeros(size), np.eye(size)[:, [m]], np.zeros(1)] for m in range(size)]
    network = stack(shape, pick + pick, sets=2)
    features = np.random.default_rng(0).uniform(-1, 1, (n, 1, size)).astype(np.float32)
    row_slots = np.stack([np.arange(n), np.arange(n)[::-1]]).astype(np.int32)
    inputs = {"features": features, "view_mask": np.ones((n, 1), bool), "row_slots": row_slots}
    scores = np.asarray(network({**inputs, "row_weights": np.ones((2 * size, n), "f")}, training=True))
    noise = (8 * scores - 5).reshape(2, size, n) - features[row_slots, 0].transpose(0, 2, 1)
    np.testing.assert_allclose(noise[0], noise[1], atol=1e-5)
    assert kstest(noise[0].ravel() / sd, "norm").pvalue > 0.01
    np.testing.assert_allclose(np.corrcoef(noise[0]), np.eye(size), atol=4 / np.sqrt(n))
    assert abs(np.corrcoef(noise[0, :, 1:].ravel(), noise[0, :, :-1].ravel())[0, 1]) < 4 / np.sqrt(n * size)


def test_sets_that_cannot_be_shared_evenly_are_refused() -> None:
    with pytest.raises(ValueError, match="3 sets of rows cannot be shared evenly by 4 models"):
        stack(SHAPE, fresh(), sets=3)


def test_mixed_precision_training_is_close_to_float32() -> None:
    data = batches()
    scores = []
    for precision in ("float32", "mixed_bfloat16"):
        network = stack(SHAPE, fresh(), precision=precision)
        train(network, data)
        assert network.get_model_weights([0])[0][0].dtype == np.float32
        scores.append(np.asarray(network(data[0][0]), np.float32))
    np.testing.assert_allclose(scores[1], scores[0], atol=0.6)
    assert not np.array_equal(scores[1], scores[0])
