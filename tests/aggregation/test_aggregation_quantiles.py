"""The edges of ten classes of scores, to the last bit as pandas has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from streetdeciles.aggregation.quantiles import EDGES, score_edges
from streetdeciles.queries import spark_frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_edges_equal_those_of_qcut(spark: SparkSession) -> None:
    random = np.random.default_rng(0)
    scores = {
        0: random.normal(size=999),
        1: random.normal(size=500) * 1e-4,  # all in one or two bins
        2: random.normal(size=500) * 1e4,  # beyond the bins on both sides
        3: random.integers(0, 40, 700).astype(float),  # many ties
        4: np.linspace(-1, 1, 10),
        5: np.repeat([0.0, 1.0], 50),  # fewer than ten classes
    }
    frame = pd.concat([pd.DataFrame({"group_number": group, "score": of}) for group, of in scores.items()])
    edges = score_edges(spark_frame(spark, frame.sample(frac=1, random_state=1))).set_index("group_number")
    assert sorted(edges.index) == [0, 1, 2, 3, 4]
    for group in edges.index:
        expected = pd.qcut(scores[group], 10, retbins=True)[1]
        np.testing.assert_array_equal(edges.loc[group, [*EDGES]].to_numpy(float), expected)
