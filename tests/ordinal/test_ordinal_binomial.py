"""The binomial distribution of a score against scipy, also where powers of p would underflow."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import expit
from scipy.stats import binom

from streetdeciles.ordinal.binomial import negative_log_likelihood, predicted_decile
from streetdeciles.ordinal.tempered import log_probabilities, probabilities

SCORES = np.concatenate([np.linspace(-80, 80, 641), [-1e4, 1e4]]).astype(np.float32)


def scipy_log_probabilities(scores: np.ndarray) -> np.ndarray:
    """[scores, 10] in float64; from the smaller of p and 1 - p, because 1 - p is 0 in float64 for a score over 37."""
    scores = scores.astype(np.float64)[:, None]
    successes = np.arange(10)
    return np.where(
        scores < 0,
        binom.logpmf(successes, 9, expit(scores)),
        binom.logpmf(9 - successes, 9, expit(-scores)),
    )


def test_log_probabilities_equal_scipy_for_any_score() -> None:
    scores = SCORES[np.abs(SCORES) <= 80]
    np.testing.assert_allclose(log_probabilities(scores), scipy_log_probabilities(scores), rtol=1e-11, atol=1e-13)


def test_negative_log_likelihood_is_that_of_the_true_decile() -> None:
    scores = np.repeat(SCORES, 10)
    deciles = np.tile(np.arange(1, 11), len(SCORES))
    losses = np.asarray(negative_log_likelihood(deciles, scores)).reshape(-1, 10)
    np.testing.assert_allclose(losses, -np.asarray(log_probabilities(SCORES)), rtol=1e-6, atol=1e-6)
    assert np.isfinite(losses).all()


def test_loss_has_a_finite_gradient_everywhere() -> None:
    """d loss / d score = 9 p - (k - 1), shown on any backend by one step of gradient descent at rate 1."""
    scores = np.repeat(SCORES, 10)
    deciles = np.tile(np.arange(1, 11), len(SCORES))
    variable = keras.Variable(scores)

    class ScoresModel(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.scores = variable

        def call(self, inputs: object) -> object:
            return self.scores

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
            return ops.sum(negative_log_likelihood(y, y_pred))

    model = ScoresModel()
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    model.train_on_batch(np.zeros((len(scores), 1), np.float32), deciles)
    gradient = scores.astype(np.float64) - np.asarray(variable)
    near = np.abs(scores) <= 80  # beyond, float32 scores are too coarse to show the step
    np.testing.assert_allclose(gradient[near], (9 * expit(scores.astype(np.float64)) - deciles + 1)[near], atol=2e-5)
    assert np.isfinite(gradient).all()


def test_bfloat16_scores_are_cast_up() -> None:
    scores = ops.cast(np.array([-7.0, 0.0, 3.0], np.float32), "bfloat16")
    loss = negative_log_likelihood(np.array([1, 5, 10]), scores)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    expected = -scipy_log_probabilities(np.array([-7.0, 0.0, 3.0]))[[0, 1, 2], [0, 4, 9]]
    np.testing.assert_allclose(np.asarray(loss), expected, rtol=1e-6)


def test_predicted_decile_is_the_most_probable() -> None:
    scores = np.random.default_rng(0).normal(0, 4, 5000).astype(np.float32)
    deciles = np.asarray(predicted_decile(scores))
    np.testing.assert_array_equal(deciles, np.asarray(probabilities(scores)).argmax(-1) + 1)
    assert (deciles.min(), deciles.max()) == (1, 10)


@pytest.mark.parametrize(
    ("score", "decile"), [(-80, 1), (-2.3, 1), (-2.1, 2), (-0.1, 5), (0.1, 6), (2.3, 10), (80, 10)]
)
def test_predicted_decile_changes_at_tenths_of_p(score: float, decile: int) -> None:
    assert int(predicted_decile(np.float32(score))) == decile


def test_probabilities_sum_to_one() -> None:
    np.testing.assert_allclose(np.asarray(probabilities(SCORES)).sum(-1), 1, atol=1e-5)
