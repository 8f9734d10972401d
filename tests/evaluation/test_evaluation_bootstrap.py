"""Measures with intervals, compared with samples of areas drawn by hand."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from streetdeciles.evaluation.bootstrap import measure
from streetdeciles.methods import MAIN_MEASURES
from streetdeciles.ordinal.measures import measures


def cells_of(rows: list[tuple[str, str, int, float, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["method", "drawn", "true_decile", "predicted_decile", "n"])


def random_cells(n_areas: int, *, per_area: int = 1, method: str = "score_mean") -> pd.DataFrame:
    random = np.random.default_rng(1)
    true = np.repeat(random.integers(1, 11, n_areas), per_area)
    predicted = np.clip(true + random.integers(-3, 4, n_areas * per_area), 1, 10).astype(float)
    area = np.repeat([f"E{i:05d}" for i in range(n_areas)], per_area)
    return pd.DataFrame({"method": method, "drawn": area, "true_decile": true, "predicted_decile": predicted, "n": 1})


def test_values_are_measured_on_all_areas() -> None:
    cells = random_cells(80)
    row = measure(cells, samples=20, random=np.random.default_rng(0))["score_mean"]
    assert row["n"] == 80
    for name, value in measures(cells["true_decile"], cells["predicted_decile"]).items():
        assert row[name] == pytest.approx(value)
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_samples_are_whole_areas() -> None:
    """The same samples by hand: the rows of the sampled areas, measured as pairs."""
    cells = random_cells(15, per_area=4)
    row = measure(cells, samples=40, random=np.random.default_rng(7))["score_mean"]
    ids = sorted(cells["drawn"].unique())
    values = []
    for drawn in np.random.default_rng(7).integers(0, 15, size=(40, 15)):
        rows = pd.concat([cells[cells["drawn"] == ids[i]] for i in drawn])
        values.append(measures(rows["true_decile"], rows["predicted_decile"]))
    for name in MAIN_MEASURES:
        low, high = np.percentile([value[name] for value in values], [2.5, 97.5])
        assert (row[f"{name}_low"], row[f"{name}_high"]) == (pytest.approx(low), pytest.approx(high))


def test_interval_of_accuracy_equals_the_binomial_one() -> None:
    cells = cells_of(
        [("m", f"E{i}", 1 + i % 10, float(1 + i % 10 if i < 300 else 1 + (i + 5) % 10), 1) for i in range(400)]
    )
    row = measure(cells, samples=4000, random=np.random.default_rng(0))["m"]
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert (row["accuracy_low"], row["accuracy_high"]) == (
        pytest.approx(0.75 - half, abs=0.005),
        pytest.approx(0.75 + half, abs=0.005),
    )


def test_methods_are_measured_on_the_same_samples() -> None:
    both = pd.concat([random_cells(50), random_cells(50, method="twin")])
    by_method = measure(both, samples=30, random=np.random.default_rng(3))
    assert by_method["score_mean"] == by_method["twin"]


def test_order_of_rows_does_not_matter() -> None:
    cells = random_cells(50)
    shuffled = cells.sample(frac=1, random_state=2)
    assert measure(cells, samples=30, random=np.random.default_rng(3)) == measure(
        shuffled, samples=30, random=np.random.default_rng(3)
    )


def test_undefined_measures_and_intervals_are_none() -> None:
    cells = cells_of([("m", "A", 2, 3.0, 5), ("m", "B", 8, 3.0, 5)])
    row = measure(cells, samples=10, random=np.random.default_rng(0))["m"]
    assert row["pearson"] is None
    assert row["pearson_low"] is None
    assert row["mae"] == 3
    without = measure(cells, samples=0, random=np.random.default_rng(0))["m"]
    assert (without["mae"], without["mae_low"]) == (3, None)
    one_area = measure(cells[:1], samples=10, random=np.random.default_rng(0))["m"]
    assert (one_area["mae"], one_area["mae_low"]) == (1, None)


def test_measures_of_a_country_take_seconds() -> None:
    """33,000 areas, 1.5 million locations, 1000 samples."""
    random = np.random.default_rng(0)
    true = random.integers(1, 11, 33_000)
    cells = pd.DataFrame(
        {
            "method": "prediction",
            "drawn": np.repeat([f"E{i:05d}" for i in range(33_000)], 10),
            "true_decile": np.repeat(true, 10),
            "predicted_decile": np.tile(np.arange(1.0, 11), 33_000),
            "n": random.integers(0, 10, 330_000),
        }
    )
    start = time.process_time()
    row = measure(cells, samples=1000, random=random)["prediction"]
    assert time.process_time() - start < 20
    assert row["kappa_low"] < 0 < row["kappa_high"]  # predictions are drawn regardless of the truth
