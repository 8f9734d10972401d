"""The edges of ten classes of scores, and the classes, to the last bit as pandas has them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from streetdeciles.aggregation.quantiles import score_classes, score_edges

RANDOM = np.random.default_rng(0)
SCORES = {
    "many": RANDOM.normal(size=999),
    "narrow": RANDOM.normal(size=500) * 1e-4,
    "wide": RANDOM.normal(size=500) * 1e4,
    "ties": RANDOM.integers(0, 40, 700).astype(float),
    "ten": np.linspace(-1, 1, 10),
    "float32": RANDOM.normal(size=501).astype(np.float32).astype(float),
}


@pytest.mark.parametrize("name", [*SCORES])
def test_edges_and_classes_equal_those_of_qcut(name: str) -> None:
    classes, expected = pd.qcut(SCORES[name], 10, labels=False, retbins=True)
    edges = score_edges(SCORES[name])
    assert edges is not None
    np.testing.assert_array_equal(edges, expected)
    np.testing.assert_array_equal(score_classes(SCORES[name], edges), classes + 1)


def test_fewer_than_ten_classes_have_no_edges() -> None:
    assert score_edges(np.repeat([0.0, 1.0], 50)) is None
