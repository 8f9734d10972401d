"""The features of one location in a NumPy file: `.npy`, or `.npz` with one array or one that is called `features`."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles.config.images import MAX_VIEWS
from streetdeciles.file_damage import DAMAGE

MAX_BYTES = 64 * 1024 * 1024
"""A larger file does not hold the features of one location."""

MAX_HEADER_BYTES = 10_000


class Unusable(Exception):
    """The file gives no features: `reason` and `detail`, as for the table left_out."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_features(content: bytes) -> npt.NDArray[np.float32]:
    """[views, numbers]; Unusable for what is not an array of numbers of one or two dimensions. Nothing is unpickled."""
    try:
        array = _array(_array_in_npz(content) if content.startswith(b"PK") else content)
    except DAMAGE as error:
        raise Unusable("not_an_array", f"cannot be read as a NumPy file: {error!s:.120}") from error
    if not 1 <= array.ndim <= 2 or not array.size or (array.ndim == 2 and array.shape[0] > MAX_VIEWS):
        shape = " x ".join(map(str, array.shape)) or "a single value"
        raise Unusable("wrong_shape", f"{shape}; expected [views, numbers] or [numbers]")
    with np.errstate(over="ignore"):  # a float64 that is too large becomes infinite, and is left out as such
        return array.reshape(-1, array.shape[-1]).astype(np.float32)


def _array_in_npz(content: bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        name = "features.npy" if "features.npy" in names else names[0] if len(names) == 1 else None
        if name is None:
            shown = ", ".join(name.removesuffix(".npy") for name in names[:5]) or "none"
            raise Unusable("not_an_array", f"its arrays are {shown}; expected one, or one that is called features")
        with archive.open(name) as file:
            array = file.read(MAX_BYTES + 1)
    if len(array) > MAX_BYTES:
        raise Unusable("too_large", f"more than {MAX_BYTES} bytes when decompressed")
    return array


def _array(content: bytes) -> npt.NDArray[Any]:
    """The array in a `.npy` file, without a copy. Its size is checked before anything of that size is made."""
    file = BytesIO(content)
    numpy_format: Any = np.lib.format
    version = numpy_format.read_magic(file)
    readers = {(1, 0): numpy_format.read_array_header_1_0, (2, 0): numpy_format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version} of the format is for arrays with named fields")
    shape, is_fortran, dtype = readers[version](file, max_header_size=MAX_HEADER_BYTES)
    if dtype.hasobject or dtype.kind not in "fiu":
        what = "pickled objects" if dtype.hasobject else str(dtype)
        raise Unusable("not_numbers", f"holds {what:.60}; expected numbers, e.g. float32")
    numbers = np.frombuffer(content, dtype, offset=file.tell()) if file.tell() < len(content) else np.empty(0, dtype)
    return numbers.reshape(shape, order="F" if is_fortran else "C")
