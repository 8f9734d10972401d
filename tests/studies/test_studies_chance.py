"""Labels are exchanged between whole areas of a region; what learned from them is judged against chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from streetdeciles.studies.chance import Verdict, judge, shuffle_deciles


@given(regions=st.lists(st.sampled_from("abc"), min_size=1, max_size=12), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=50)
def test_shuffle_exchanges_whole_areas_within_their_region(regions: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    area = np.concatenate([np.arange(len(regions)), random.integers(0, len(regions), 20)])
    of_area = np.stack([np.arange(1, len(regions) + 1), random.integers(0, 11, len(regions))], axis=1).astype(np.int8)
    shuffled = shuffle_deciles(of_area[area], area, regions, seed=seed)
    sources = shuffled[: len(regions), 0] - 1
    assert sorted(sources) == list(range(len(regions)))
    assert [regions[source] for source in sources] == regions
    np.testing.assert_array_equal(shuffled, of_area[sources][area])


def test_shuffle_is_the_same_for_the_same_seed() -> None:
    deciles, area = np.arange(1, 11, dtype=np.int8)[:, None], np.arange(10)
    first, again, other = (shuffle_deciles(deciles, area, ["a"] * 10, seed=seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist() != deciles.tolist()


def judged(true: Sequence[int], predicted: Sequence[float], *, outcomes: int = 1) -> list[Verdict]:
    frame = pd.DataFrame({"true_decile": true, "predicted_decile": predicted, "median": 5.0, "region": "town"})
    frame = frame.assign(area_id=[f"E{i:04d}" for i in range(len(true))], fold=np.arange(len(true)) % 5)
    return judge(pd.concat([frame.assign(outcome=f"outcome_{o}") for o in range(outcomes)]), seed=1)


def test_judge_finds_what_is_better_than_chance() -> None:
    true = np.tile(np.arange(1, 11), 10)
    (verdict,) = judged(true, np.clip(true + np.tile([2, -2, 1, 0, 3], 20), 1, 10))
    assert verdict.is_above
    assert (verdict.n, verdict.median_mae) == (100, 2.5)


def test_judge_has_the_values_and_bounds_of_the_permutation_test() -> None:
    random = np.random.default_rng(2)
    true, predicted = random.integers(1, 11, (2, 400))
    (verdict,) = judged(true, predicted)
    assert not verdict.is_above
    assert verdict.spearman == pytest.approx(spearmanr(true, predicted).statistic)
    # 1.96 / sqrt(n - 1) for one group.
    assert (verdict.low, verdict.high) == (pytest.approx(-0.098, abs=0.02), pytest.approx(0.098, abs=0.02))
    assert verdict.mae == np.abs(true - predicted).mean()


def test_judge_allows_for_the_number_of_outcomes() -> None:
    random = np.random.default_rng(2)
    true, predicted = random.integers(1, 11, (2, 400))
    (one,), twelve = judged(true, predicted), judged(true, predicted, outcomes=12)
    assert twelve[0].high > one.high + 0.03


def test_judge_is_seldom_wrong_about_noise() -> None:
    random = np.random.default_rng(3)
    wrong = sum(judged(*random.integers(1, 11, (2, 60)))[0].is_above for _ in range(60))
    assert wrong <= 5  # 2.5 % of 60 are 1.5


def test_judge_takes_the_same_prediction_everywhere_for_chance() -> None:
    (verdict,) = judged(np.tile(np.arange(1, 11), 3), [5.0] * 30)
    assert (verdict.spearman, verdict.is_above) == (None, False)


def test_judge_does_not_count_the_order_of_folds() -> None:
    """Models shrink to the mean of what they learn from, which is high where the held-out areas are low."""
    true = np.repeat([2, 4, 6, 8, 10], 20)
    frame = pd.DataFrame({"true_decile": true, "predicted_decile": 11 - true / 2, "fold": true // 2, "median": 5.0})
    frame = frame.assign(region="town", outcome="imd", area_id=[f"E{i:04d}" for i in range(100)])
    (verdict,) = judge(frame, seed=1)
    assert verdict.spearman == pytest.approx(-1)
    assert verdict.low == pytest.approx(verdict.high) == pytest.approx(-1)
