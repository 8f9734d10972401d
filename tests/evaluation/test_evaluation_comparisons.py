"""The network beside the baselines: cells, paired differences, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from streetdeciles.evaluation.comparisons import baseline_cells, compare, describe, summarise

METHOD = "score_mean"


def cells_of(errors: dict[str, list[float]]) -> pd.DataFrame:
    """Areas whose true decile is 5; `errors` of each method, NaN for no prediction."""
    rows = [
        (method, f"E{i:03d}", 5, 5 + error, 1)
        for method, of_method in errors.items()
        for i, error in enumerate(of_method)
        if np.isfinite(error)
    ]
    cells = pd.DataFrame(rows, columns=["method", "area_id", "true_decile", "predicted_decile", "n"])
    return cells.assign(drawn=cells["area_id"])


def test_baseline_counts_an_area_once_for_any_number_of_methods() -> None:
    cells = pd.DataFrame(
        [(method, area, true, 5.0, n) for method in ("a", "b") for area, true, n in (("A", 1, 3), ("B", 6, 2))],
        columns=["method", "area_id", "true_decile", "predicted_decile", "n"],
    )
    predicted = pd.DataFrame({"area_id": ["A", "B", "C"], "model": "median", "decile": [4.0, 6.0, 9.0]})
    columns = ["method", "area_id", "true_decile", "predicted_decile", "n"]
    assert baseline_cells(cells, predicted)[columns].to_numpy().tolist() == [
        ["median", "A", 1, 4.0, 3],
        ["median", "B", 6, 6.0, 2],
    ]


def test_difference_is_measured_on_the_areas_that_both_predict() -> None:
    cells = cells_of({METHOD: [1, 1, 2, 4], "neighbours": [3, 2, 2, np.nan]})
    (row,) = compare(cells, METHOD, samples=0, random=np.random.default_rng(0))
    assert (row["n"], row["mae"], row["baseline_mae"]) == (3, pytest.approx(4 / 3), pytest.approx(7 / 3))
    assert row["difference"] == pytest.approx(-1)
    assert row["verdict"] is None


def test_intervals_are_of_the_paired_differences() -> None:
    random = np.random.default_rng(5)
    network, other = random.integers(0, 4, 200).astype(float), random.integers(0, 4, 200).astype(float)
    (row,) = compare(cells_of({METHOD: list(network), "ridge": list(other)}), METHOD, samples=4000, random=random)
    difference = network - other
    half = 1.96 * difference.std() / np.sqrt(200)
    assert row["difference_low"] == pytest.approx(difference.mean() - half, abs=0.02)
    assert row["difference_high"] == pytest.approx(difference.mean() + half, abs=0.02)


def test_samples_may_be_of_blocks() -> None:
    """Areas of a block that err alike count once: 40 areas in 4 blocks are as uncertain as 4 areas."""
    of_block = [2.0, 0.0, 1.0, 0.0]
    areas = cells_of({METHOD: of_block, "ridge": [0.0] * 4})
    blocks = cells_of({METHOD: list(np.repeat(of_block, 10)), "ridge": [0.0] * 40})
    blocks["drawn"] = (blocks["area_id"].str[1:].astype(int) // 10).astype(str)
    expected, measured = (compare(c, METHOD, samples=200, random=np.random.default_rng(1))[0] for c in (areas, blocks))
    for name in ("difference", "difference_low", "difference_high"):
        assert measured[name] == pytest.approx(expected[name])


def test_verdicts_are_those_of_the_paired_interval() -> None:
    """Methods that err almost alike are told apart, although the intervals of their errors overlap."""
    random = np.random.default_rng(2)
    hard = random.integers(0, 5, 100).astype(float)
    noise = random.permutation(np.repeat([-1.0, 1.0], 50))
    errors = {METHOD: hard + 1, "median": hard + 2, "ridge": hard + 1 + noise, "neighbours": hard}
    rows = compare(cells_of({k: list(v) for k, v in errors.items()}), METHOD, samples=500, random=random)
    assert {row["baseline"]: row["verdict"] for row in rows} == {
        "median": "better than",
        "neighbours": "worse than",
        "ridge": "not distinguishable from",
    }


def described(
    verdicts: dict[str, tuple[float, str | None]],
    low: float | None = 1.394,
    lines: Callable[[pd.DataFrame, pd.DataFrame, str], list[str]] = describe,
    region: str = "bury",
) -> str:
    metrics = pd.DataFrame(
        [(region, "imd", "area", METHOD, "network", 1.6, low, 1.806)],
        columns=["region", "outcome", "level", "method", "model", "mae", "mae_low", "mae_high"],
    )
    rows = [(region, "imd", METHOD, name, mae, verdict) for name, (mae, verdict) in verdicts.items()]
    columns = ["region", "outcome", "method", "baseline", "baseline_mae", "verdict"]
    (line,) = lines(metrics, pd.DataFrame(rows, columns=columns), METHOD)
    return line


def test_lines_say_who_is_better() -> None:
    better, equal, worse = "better than", "not distinguishable from", "worse than"
    assert described({"ridge": (1.7, better), "median": (2.5, better)}) == (
        "imd in bury: MAE 1.60 (1.39–1.81), baselines: median 2.50, ridge 1.70; better than all of them"
    )
    assert described({"median": (2.5, better), "neighbours": (1.6, equal), "ridge": (1.2, worse)}).endswith(
        "; better than median, not distinguishable from neighbours, worse than ridge"
    )
    assert described({"median": (1.6, equal), "ridge": (1.6, equal)}).endswith("; not distinguishable from any of them")
    assert described({"median": (2.5, better)}).endswith("baselines: median 2.50; better than median")
    assert described({"median": (2.5, None)}, low=None) == "imd in bury: MAE 1.60, baselines: median 2.50"
    assert described({}) == "imd in bury: MAE 1.60 (1.39–1.81)"


def test_short_lines_count_the_baselines_that_are_worse() -> None:
    better, equal = "better than", "not distinguishable from"
    verdicts = {"median": (2.5, better), "neighbours": (2.0, better), "ridge": (1.6, equal)}
    assert described(verdicts, lines=summarise) == "imd in bury: MAE 1.60 (1.39–1.81); beats 2 of 3 baselines"
    assert described({"median": (2.5, better)}, lines=summarise).endswith("; beats 1 of 1 baseline")
    assert described({"median": (2.5, None)}, low=None, lines=summarise) == "imd in bury: MAE 1.60"
    long = described(verdicts, lines=summarise, region="a place " * 20)
    assert len(long) == 80
    assert long.startswith("imd in a place a place")
    assert long.endswith("…: MAE 1.60 (1.39–1.81); beats 2 of 3 baselines")
