"""Moran's I equals that of esda (`make test-compare`)."""

from __future__ import annotations

import numpy as np
import pytest

from streetdeciles.evaluation.moran import NEIGHBOURS, PERMUTATIONS, moran

pytestmark = pytest.mark.compare


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("trend", [0.0, 0.002, 0.01])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_moran_equals_that_of_esda(seed: int, trend: float) -> None:
    esda = pytest.importorskip("esda", reason="needs esda: make test-compare")
    from libpysal.weights import KNN

    random = np.random.default_rng(seed)
    points = random.uniform(0, 1000, (300, 2))
    residuals = random.normal(size=300) + trend * points[:, 0]
    weights = KNN.from_array(points, k=NEIGHBOURS)
    weights.transform = "r"
    np.random.seed(seed)  # noqa: NPY002 - esda permutes with NumPy's global generator
    expected = esda.Moran(residuals, weights, permutations=PERMUTATIONS)
    result = moran(residuals, points, random=random)
    assert result is not None
    assert result.value == pytest.approx(expected.I, abs=1e-12)
    # esda takes the smaller tail, ours is the upper one.
    assert min(result.p, 1 + 1 / (1 + PERMUTATIONS) - result.p) == pytest.approx(expected.p_sim, abs=0.1)
