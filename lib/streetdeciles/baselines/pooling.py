"""Features pooled by area, as papers on embeddings do: mean and standard deviation over all photographs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from streetdeciles.training_set.columns import Batch

COLUMNS = ("region", "area_id", "features", "view_mask")
"""The columns of the training set that are read."""


def pool_features(batches: Iterable[Batch], keys: pd.DataFrame, folder: Path) -> npt.NDArray[np.float32]:
    """Mean and standard deviation of each feature over the photographs of each area, [areas, 2 * feature_size].

    The sums and the result are memory-mapped files in `folder`, so that a country fits in any memory.

    Args:
        batches: those of the training set with COLUMNS.
        keys: `region` and `area_id` of each area; every row of the batches belongs to one of them.
        folder: an empty folder on a local disk; the caller deletes it when the result is no longer needed.
    """
    import pandas as pd

    index = pd.MultiIndex.from_frame(keys[["region", "area_id"]])
    n = np.zeros(len(keys), np.int64)
    sums: npt.NDArray[np.float64] | None = None
    for batch in batches:
        features, mask = batch["features"], batch["view_mask"].astype(bool)
        size = features.shape[2]
        if sums is None:
            shape = (len(keys), 2 * size)
            sums = np.memmap(folder / "sums", np.float64, "w+", shape=shape)
        areas = index.get_indexer(pd.MultiIndex.from_arrays([batch["region"], batch["area_id"]]))
        for area in np.unique(areas):
            of_area = areas == area
            seen = features[of_area][mask[of_area]].astype(np.float64)
            n[area] += len(seen)
            sums[area, :size] += seen.sum(axis=0)
            sums[area, size:] += (seen**2).sum(axis=0)
    assert sums is not None, "the training set is empty"
    return _moments(sums, n, folder)


def _moments(
    sums: npt.NDArray[np.float64], n: npt.NDArray[np.int64], folder: Path, rows: int = 1024
) -> npt.NDArray[np.float32]:
    size = sums.shape[1] // 2
    pooled = np.memmap(folder / "pooled", np.float32, "w+", shape=sums.shape)
    for start in range(0, len(sums), rows):
        chunk = slice(start, start + rows)
        of_area = np.maximum(n[chunk], 1)[:, None]
        mean = sums[chunk, :size] / of_area
        pooled[chunk, :size] = mean
        pooled[chunk, size:] = np.sqrt(np.maximum(sums[chunk, size:] / of_area - mean**2, 0))
    return pooled
