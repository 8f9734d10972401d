"""Distributions of scores and temperatures: what a temperature changes, and that a planted one is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.ordinal.tempered import MAX_TEMPERATURE, MIN_TEMPERATURE, fit_temperature, probabilities

SCORES = st.floats(-50, 50)
TEMPERATURES = st.floats(MIN_TEMPERATURE, MAX_TEMPERATURE)


def draw_deciles(scores: np.ndarray, temperature: float, random: np.random.Generator) -> np.ndarray:
    """A decile for each score, from its distribution at the temperature."""
    limits = probabilities(scores, temperature).cumsum(axis=1)
    return 1 + (random.uniform(size=(len(scores), 1)) > limits[:, :-1]).sum(axis=1)


@settings(max_examples=50, deadline=None)
@given(SCORES, TEMPERATURES)
def test_temperature_keeps_the_most_probable_decile(score: float, temperature: float) -> None:
    tempered, binomial = probabilities(score, temperature), probabilities(score)
    assert tempered.sum() == pytest.approx(1)
    assert tempered.max() == pytest.approx(tempered[binomial.argmax()])


def test_higher_temperature_widens_by_its_power() -> None:
    """Dividing the exponents by 2 takes square roots of the probabilities."""
    roots = np.sqrt(probabilities(0.7))
    np.testing.assert_allclose(probabilities(0.7, 2.0), roots / roots.sum())


def test_each_score_has_its_own_temperature() -> None:
    together = probabilities([0.5, -2.0], [1.5, 3.0])
    np.testing.assert_allclose(together, [probabilities(0.5, 1.5), probabilities(-2.0, 3.0)])


@pytest.mark.parametrize("planted", [0.5, 1.0, 3.0])
def test_fit_finds_the_planted_temperature(planted: float) -> None:
    random = np.random.default_rng(0)
    scores = random.normal(0, 1.5, 20_000).astype(np.float32)
    assert fit_temperature(scores, draw_deciles(scores, planted, random)) == pytest.approx(planted, rel=0.03)


def test_fit_is_bounded_where_scores_say_all_or_nothing() -> None:
    perfect, wrong = np.full(50, 40.0), np.full(50, -40.0)
    deciles = np.full(50, 10, np.int8)
    assert fit_temperature(perfect, deciles) < 1
    assert fit_temperature(wrong, deciles) == pytest.approx(MAX_TEMPERATURE, rel=0.01)


def test_fit_without_locations_changes_nothing() -> None:
    assert fit_temperature(np.empty(0, np.float32), np.empty(0, np.int8)) == 1.0
