"""Principal components of many columns, in memory that the number of rows does not decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

MAX_COMPONENTS = 1024
ROWS_PER_CHUNK = 1024
"""Rows in memory at a time: 67 MB of 8,192 numbers in float64."""

MIN_VARIANCE = 1e-10
"""Components with less than this share of the largest variance are rounding errors."""


def principal_components(columns: Array, learned: npt.NDArray[np.bool_]) -> Floats:
    """The first principal components of the standardised columns, for every row; float64 [rows, components].

    Means, standard deviations and components are those of the `learned` rows. With at most MAX_COMPONENTS rows to
    learn from, the components hold everything that a linear model can use. The largest array in memory is square,
    with the number of columns, or of the learned rows if that is smaller.

    Args:
        columns: [rows, columns], finite; may be memory-mapped.
        learned: [rows], at least two of them.
    """
    from scipy.linalg import eigh

    rows = np.flatnonzero(learned)
    mean, scale = _moments(columns, rows)
    n, p = len(rows), columns.shape[1]
    is_wide = p >= n
    square = _products_of_rows(columns, rows, mean, scale) if is_wide else np.zeros((p, p))
    if not is_wide:
        for chunk in _chunks(rows):
            standardised = (columns[chunk] - mean) / scale
            square += standardised.T @ standardised
    size = len(square)
    kept = min(size, n - 1, MAX_COMPONENTS)
    variances, vectors = eigh(square, subset_by_index=(size - kept, size - 1), overwrite_a=True, check_finite=False)
    large = variances > MIN_VARIANCE * max(variances[-1], 1)
    large[-1] = True  # columns that are all constant have one component, of zeros
    variances, vectors = variances[large][::-1], vectors[:, large][:, ::-1]
    if is_wide:
        vectors = _directions(columns, rows, mean, scale, vectors / np.sqrt(np.maximum(variances, MIN_VARIANCE)))
    return np.concatenate([((columns[chunk] - mean) / scale) @ vectors for chunk in _chunks(np.arange(len(columns)))])


def _chunks(rows: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    for start in range(0, len(rows), ROWS_PER_CHUNK):
        yield rows[start : start + ROWS_PER_CHUNK]


def _moments(columns: Array, rows: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column; 1 where it is constant."""
    mean = sum(columns[chunk].sum(axis=0, dtype=np.float64) for chunk in _chunks(rows)) / len(rows)
    squares = sum(((columns[chunk] - mean) ** 2).sum(axis=0) for chunk in _chunks(rows))
    scale = np.sqrt(squares / len(rows))
    return np.asarray(mean), np.where(scale > 0, scale, 1.0)


def _products_of_rows(columns: Array, rows: npt.NDArray[np.intp], mean: Floats, scale: Floats) -> Floats:
    """The products of the standardised rows with each other, [n, n]."""
    starts = range(0, len(rows), ROWS_PER_CHUNK)
    square = np.empty((len(rows), len(rows)))
    for i in starts:
        left = (columns[rows[i : i + ROWS_PER_CHUNK]] - mean) / scale
        for j in starts:
            if j <= i:
                right = (columns[rows[j : j + ROWS_PER_CHUNK]] - mean) / scale
                block = left @ right.T
                square[i : i + len(left), j : j + len(right)] = block
                square[j : j + len(right), i : i + len(left)] = block.T
    return square


def _directions(columns: Array, rows: npt.NDArray[np.intp], mean: Floats, scale: Floats, weights: Floats) -> Floats:
    """Unit vectors in the space of the columns, [columns, components]."""
    directions = np.zeros((columns.shape[1], weights.shape[1]))
    for start in range(0, len(rows), ROWS_PER_CHUNK):
        chunk = rows[start : start + ROWS_PER_CHUNK]
        directions += ((columns[chunk] - mean) / scale).T @ weights[start : start + len(chunk)]
    return directions
