"""Weights of rows that replace the reference's balanced draws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from streetdeciles.ordinal.balance import class_weights


def test_class_weights_have_the_expectation_of_balanced_draws() -> None:
    rng = np.random.default_rng(3)
    deciles = rng.choice(np.arange(1, 11), 300, p=np.arange(1, 11) / 55)
    losses = rng.exponential(size=300)
    balanced = np.mean([losses[deciles == k].mean() for k in range(1, 11)])
    np.testing.assert_allclose((class_weights(deciles)[deciles] * losses).mean(), balanced, rtol=1e-6)


def test_class_weights_are_exact_and_zero_for_null_and_empty_classes() -> None:
    weights = class_weights(np.array([0, 0, 1, 1, 1, 2, 7, 7]))
    expected = [Fraction(0)] * 11  # six rows of three classes: 6 / (3 n_k)
    expected[1], expected[2], expected[7] = Fraction(2, 3), Fraction(2), Fraction(1)
    np.testing.assert_array_equal(weights, np.array([float(value) for value in expected], np.float32))


def test_class_weights_of_no_rows_are_zero() -> None:
    np.testing.assert_array_equal(class_weights(np.zeros(0, np.int64)), np.zeros(11, np.float32))
