"""Arrays as `.npy` bytes in a binary column of Arrow, and back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa


def encode_arrays(values: npt.NDArray[Any]) -> pa.Array:
    """`values` [n, ...] as n binary values, each the `.npy` bytes of values[i]."""
    encoded, arrays = encoded_zeros(len(values), values.shape[1:], values.dtype)
    arrays[...] = values
    return encoded


def encoded_zeros(n: int, shape: tuple[int, ...], dtype: npt.DTypeLike) -> tuple[pa.Array, npt.NDArray[Any]]:
    """n binary values, each the `.npy` bytes of an array of zeros, and these arrays [n, *shape], to be filled."""
    import pyarrow as pa

    first = io.BytesIO()
    zeros = np.zeros(shape, dtype)
    np.save(first, zeros)
    size = first.tell()
    header = np.frombuffer(first.getvalue(), np.uint8)[: size - zeros.nbytes]
    rows = np.zeros((n, size), np.uint8)
    rows[:, : header.size] = header
    offsets = np.arange(n + 1, dtype=np.int32) * size
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(rows)]
    return pa.Array.from_buffers(pa.binary(), n, buffers), rows[:, header.size :].view(dtype).reshape(n, *shape)


def decode_arrays(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """The arrays [n, ...] in a column of `.npy` bytes, which must have the same shape and dtype.

    Raises:
        ValueError: a null, or arrays of different shapes.
    """
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        return np.concatenate([decode_arrays(chunk) for chunk in column.chunks])
    if not len(column):
        return np.empty(0)
    column = column.cast(pa.binary())
    _, offsets_buffer, content = column.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    sizes = np.diff(offsets)
    if column.null_count or (sizes != sizes[0]).any():
        raise ValueError("a column of arrays holds nulls or arrays of different sizes")
    rows = np.frombuffer(content, np.uint8)[offsets[0] : offsets[-1]].reshape(len(column), -1)
    first = np.load(io.BytesIO(rows[0].tobytes()), allow_pickle=False)
    start = rows.shape[1] - first.nbytes
    if (rows[:, :start] != rows[0, :start]).any():
        raise ValueError("a column of arrays holds arrays of different shapes")
    values: npt.NDArray[Any] = (
        np.ascontiguousarray(rows[:, start:]).view(first.dtype).reshape(len(column), *first.shape)
    )
    return values
