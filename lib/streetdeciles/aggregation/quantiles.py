"""The edges of ten equal classes of scores, and the class of each score, exactly as pandas' `qcut` has them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CLASSES = 10


def score_edges(scores: Floats) -> Floats | None:
    """The 11 edges, ascending; None if the scores give fewer than ten classes, because many are equal."""
    import pandas as pd

    edges = pd.Series(scores).quantile(np.linspace(0, 1, CLASSES + 1)).to_numpy()
    return edges if len(np.unique(edges)) > CLASSES else None


def score_classes(scores: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """1 … 10 for each score; a score at an edge is in the lower class."""
    return np.searchsorted(edges[1:-1], scores, side="left") + 1
