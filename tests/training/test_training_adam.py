"""Adam for a stack takes the steps of Keras' Adam, model by model."""

from __future__ import annotations

import keras
import numpy as np

from streetdeciles.training.adam import StackedAdam

MODELS = 3


def steps(optimizer: keras.optimizers.Optimizer, start: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    variable = keras.Variable(start)
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable))


def test_steps_equal_those_of_keras_adam() -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(MODELS, 4, 2)).astype("f"), rng.normal(size=(5, MODELS, 4, 2)).astype("f")
    stacked = steps(StackedAdam(0.01, MODELS), start, gradients)
    np.testing.assert_allclose(stacked, steps(keras.optimizers.Adam(0.01), start, gradients), rtol=1e-6, atol=1e-7)


def test_each_model_has_its_share_of_the_learning_rate() -> None:
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=(MODELS, 4)).astype("f"), rng.normal(size=(5, MODELS, 4)).astype("f")
    shares = np.array([1, 0.5, 0.25], np.float32)
    optimizer = StackedAdam(0.01, MODELS)
    variable = keras.Variable(start)
    optimizer.build([variable])
    optimizer.rate_shares.assign(shares)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    for m, share in enumerate(shares):
        alone = steps(keras.optimizers.Adam(0.01 * share), start[m], gradients[:, m])
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable)[m], alone, rtol=1e-6, atol=1e-7)
