"""Calibration on planted distributions, whose coverage is known, and scores against independent formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streetdeciles.evaluation.calibration import calibration_rows, ranked_probability_scores
from streetdeciles.ordinal.tempered import probabilities

PLANTED = 2.5
N = 40_000


def select(rows: list[dict[str, Any]], measure: str, *, calibrated: bool) -> list[dict[str, Any]]:
    return [row for row in rows if row["measure"] == measure and row["calibrated"] is calibrated]


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray]:
    """Scores, and deciles that were drawn with the temperature PLANTED."""
    random = np.random.default_rng(0)
    scores = random.normal(0, 1.5, N)
    limits = probabilities(scores, PLANTED).cumsum(axis=1)
    return scores, 1 + (random.uniform(size=(N, 1)) > limits[:, :-1]).sum(axis=1)


@pytest.fixture(scope="module")
def rows(planted: tuple[np.ndarray, np.ndarray]) -> list[dict[str, Any]]:
    return calibration_rows(planted[0], np.full(N, PLANTED), planted[1])


def test_calibrated_sets_hold_the_share_that_they_promise(rows: list[dict[str, Any]]) -> None:
    before, after = (select(rows, "coverage", calibrated=value) for value in (False, True))
    assert [row["bin"] for row in after] == [50, 80, 95]
    for row in after:
        assert row["observed"] == pytest.approx(row["predicted"], abs=0.01)
        assert row["observed"] >= row["bin"] / 100 - 0.01
    for narrow, wide in zip(before, after, strict=True):
        assert narrow["observed"] < narrow["predicted"] - 0.1, "the planted binomials are too narrow"
        assert narrow["size"] < wide["size"]


def test_calibrated_reliability_is_on_the_diagonal(rows: list[dict[str, Any]]) -> None:
    for row in select(rows, "reliability", calibrated=True):
        margin = 4 * np.sqrt(0.25 / row["n"])
        assert row["observed"] == pytest.approx(row["predicted"], abs=margin)
    for calibrated in (False, True):
        assert sum(row["n"] for row in select(rows, "reliability", calibrated=calibrated)) == N


@pytest.mark.parametrize("measure", ["expected_calibration_error", "negative_log_likelihood", "rps"])
def test_calibration_lowers_every_loss(rows: list[dict[str, Any]], measure: str) -> None:
    ((before,), (after,)) = (select(rows, measure, calibrated=value) for value in (False, True))
    assert after["observed"] < before["observed"]
    if measure == "expected_calibration_error":
        assert after["observed"] < 0.01


def test_rows_equal_a_loop_over_the_locations(planted: tuple[np.ndarray, np.ndarray]) -> None:
    scores, deciles = planted[0][:300], planted[1][:300]
    rows = calibration_rows(scores, np.full(300, PLANTED), deciles)
    held, masses, by_bin, losses = [], [], {}, []
    for score, decile in zip(scores, deciles, strict=True):
        likely = sorted(enumerate(probabilities(score, PLANTED), start=1), key=lambda pair: -pair[1])
        chosen, mass = [], 0.0
        while mass < 0.8:
            chosen.append(likely[len(chosen)][0])
            mass += likely[len(chosen) - 1][1]
        held.append(decile in chosen)
        masses.append(mass)
        by_bin.setdefault(int(likely[0][1] * 10), []).append((likely[0][1], likely[0][0] == decile))
        losses.append(-np.log(dict(likely)[decile]))
    coverage = select(rows, "coverage", calibrated=True)[1]
    assert (coverage["observed"], coverage["predicted"]) == (np.mean(held), pytest.approx(np.mean(masses)))
    gaps = [
        len(pairs) * abs(np.mean([p for p, _ in pairs]) - np.mean([h for _, h in pairs])) for pairs in by_bin.values()
    ]
    (error,) = select(rows, "expected_calibration_error", calibrated=True)
    assert error["observed"] == pytest.approx(sum(gaps) / 300)
    (loss,) = select(rows, "negative_log_likelihood", calibrated=True)
    assert loss["observed"] == pytest.approx(np.mean(losses))


def test_of_two_equally_probable_deciles_the_lower_is_in_the_set() -> None:
    """Score 0 gives deciles 5 and 6 a quarter each at temperature 1; 50 % need three deciles, 4 or 7 among them."""
    rows = calibration_rows(np.zeros(4), np.ones(4), np.array([4, 5, 6, 7]))
    coverage = select(rows, "coverage", calibrated=True)[0]
    assert (coverage["size"], coverage["observed"]) == (3, 0.75)


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(float, 10, elements=st.floats(0.01, 1)), st.integers(1, 10))
def test_ranked_probability_score_equals_mean_distances(weights: np.ndarray, decile: int) -> None:
    """E|X - y| - E|X - X'| / 2, where X and X' are drawn from the prediction (Gneiting and Raftery 2007)."""
    likely, values = weights / weights.sum(), np.arange(1, 11)
    between = np.abs(values[:, None] - values)
    expected = likely @ np.abs(values - decile) - likely @ between @ likely / 2
    assert ranked_probability_scores(likely[None], np.array([decile]))[0] == pytest.approx(expected)


def test_ranked_probability_score_of_a_certain_prediction_is_its_error() -> None:
    certain = np.eye(10)[[0, 3, 9]]
    assert ranked_probability_scores(certain, np.array([4, 4, 1])).tolist() == [3, 0, 9]
