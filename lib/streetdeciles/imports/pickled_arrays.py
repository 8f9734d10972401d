"""The arrays in a pickled DataFrame: NumPy's, pandas' own, and Arrow's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.pickled import Call, Name

if TYPE_CHECKING:
    import pyarrow as pa

Items = Sequence[Any]

NA = Name("pandas._libs.missing", "NA")

_CORES = ("numpy.core", "numpy._core")
_RECONSTRUCT = {Name(f"{core}.multiarray", "_reconstruct") for core in _CORES}
_FROM_BUFFER = {Name(f"{core}.numeric", "_frombuffer") for core in _CORES}
_NDARRAY = Name("numpy", "ndarray")
_DTYPE = Name("numpy", "dtype")
_ENCODE = Name("_codecs", "encode")
_RECONSTRUCTORS = {Name(module, "_reconstructor") for module in ("copyreg", "copy_reg")}
_BYTEARRAYS = {Name(module, "bytearray") for module in ("builtins", "__builtin__")}
_BACKED = Name("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")


def public(module: str, *names: str, since_3: str = "pandas") -> set[Name]:
    """Classes in their module, and where pandas 3 says that they are."""
    return {Name(place, name) for name in names for place in (module, since_3)}


_STRINGS = public("pandas.core.arrays.string_", "StringArray", "StringArrayNumpySemantics", since_3="pandas.arrays")
_STRING_TYPES = public("pandas.core.arrays.string_", "StringDtype")
_INTEGERS = public("pandas.core.arrays.integer", "IntegerArray", since_3="pandas.arrays")
_INTEGER_TYPES = public(
    "pandas.core.arrays.integer", *(f"{kind}{bits}Dtype" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64))
)
_ARROW_STRINGS = public(
    "pandas.core.arrays.string_arrow",
    "ArrowStringArray",
    "ArrowStringArrayNumpySemantics",
    since_3="pandas.arrays",
)
_ARROW_ARRAY, _ARROW_CHUNKED = Name("pyarrow.lib", "_restore_array"), Name("pyarrow.lib", "chunked_array")
_ARROW_TYPE, _ARROW_BUFFER = Name("pyarrow.lib", "type_for_alias"), Name("pyarrow.lib", "py_buffer")

NAMES = {
    *(NA, _NDARRAY, _DTYPE, _ENCODE, _BACKED),
    *(_ARROW_ARRAY, _ARROW_CHUNKED, _ARROW_TYPE, _ARROW_BUFFER),
    *_BYTEARRAYS,
    *_RECONSTRUCTORS,
    *_RECONSTRUCT,
    *_FROM_BUFFER,
    *_STRINGS,
    *_STRING_TYPES,
    *_INTEGERS,
    *_INTEGER_TYPES,
    *_ARROW_STRINGS,
}


class FrameDamaged(Exception):
    """The pickle is damaged, or holds something of a kind that is not read; the text says what."""


def made_of(value: Call) -> Name:
    """What the call makes an object of: protocols 0 and 1 call a function that is given the class."""
    match value:
        case Call(function=function, arguments=(Name() as kind, *_)) if function in _RECONSTRUCTORS:
            return kind
    return value.function


def items_of(value: Any, number: int, n_columns: int) -> Items | pa.Array:
    """The values of column `number` of a block of `n_columns`, or of an array of one dimension.

    Raises:
        FrameDamaged: the block is damaged, or of a kind that is not read.
    """
    match value:
        case Call(function=function, arguments=(Name() as kind, *_), state=tuple() as state) if (
            function == _BACKED and kind in _STRINGS
        ):
            arrays = [part for part in state if isinstance(part, Call) and part.function in _RECONSTRUCT]
            if len(arrays) == 1:
                return _ndarray_items(arrays[0], 0, 1)
        case Call(state={"_data": data, "_mask": mask}) if made_of(value) in _INTEGERS:
            numbers, missing = _ndarray_items(data, 0, 1), _ndarray_items(mask, 0, 1)
            if len(numbers) == len(missing):
                return [None if is_missing else n for n, is_missing in zip(numbers, missing, strict=True)]
        case Call(state=dict() as held) if made_of(value) in _ARROW_STRINGS:
            return _arrow_strings(held.get("_pa_array", held.get("_data")))
        case Call(function=function) if function in _RECONSTRUCT | _FROM_BUFFER:
            return _ndarray_items(value, number, n_columns)
    kind_name = value.function.name if isinstance(value, Call) else type(value).__name__
    raise FrameDamaged(f"its values are of a kind that is not read ({kind_name:.60})")


def _ndarray_items(value: Any, number: int, n_columns: int) -> Items:
    shape, dtype, is_fortran, content = _parts(value)
    if shape not in ((n_columns, shape[-1]), (shape[-1],)) or (len(shape) == 1 and n_columns != 1):
        raise FrameDamaged(f"an array of shape {shape} in a block of {n_columns} column(s)")
    if isinstance(content, list):
        if len(content) != prod(shape):
            raise FrameDamaged(f"{len(content)} values in an array of shape {shape}")
        return content[number * shape[-1] : (number + 1) * shape[-1]]  # lists are in C order, whatever the array's
    if content is None or dtype.hasobject or len(content) != prod(shape) * dtype.itemsize:
        raise FrameDamaged(f"its bytes do not fit an array of shape {shape}")
    array: npt.NDArray[Any] = np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran else "C")
    column: list[Any] = (array if len(shape) == 1 else array[number]).tolist()
    return column


def _parts(value: Any) -> tuple[tuple[int, ...], np.dtype[Any], bool, list[Any] | bytes | None]:
    """(shape, type, whether in Fortran's order, objects or bytes)"""
    match value:
        case Call(function=function, state=(_, tuple() as shape, dtype, fortran, content)) if function in _RECONSTRUCT:
            content = content if isinstance(content, list) else _bytes(content)
            is_fortran = fortran in (True, 1)
        case Call(function=function, arguments=(raw, dtype, tuple() as shape, order)) if function in _FROM_BUFFER:
            content, is_fortran = _bytes(raw), order == "F"
        case _:
            raise FrameDamaged("an array was expected")
    if not 1 <= len(shape) <= 2 or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise FrameDamaged("an array without shape")
    return shape, _dtype(dtype), is_fortran, content


def _dtype(value: Any) -> np.dtype[Any]:
    match value:
        case Call(function=function, arguments=(str() as code, *_), state=(_, "<" | ">" | "=" | "|" as order, *_)) if (
            function == _DTYPE and re.fullmatch(r"O8?|[iuf][1248]|b1", code)
        ):
            return np.dtype(order + code) if code[0] != "O" else np.dtype(object)
    raise FrameDamaged("an array of a kind that is not read")


def _bytes(content: Any) -> bytes | None:
    """The bytes, which may be text: from Python 2, or in old protocols."""
    match content:
        case Call(function=function, arguments=(held,) | (held, "latin-1")) if function in _BYTEARRAYS:
            content = held
    match content:
        case Call(function=function, arguments=(str() as text, "latin1" | "latin-1")) if function == _ENCODE:
            content = text
    if isinstance(content, str):
        return content.encode("latin-1")
    return bytes(content) if isinstance(content, bytes | bytearray) else None


def _arrow_strings(value: Any) -> pa.Array:
    import pyarrow as pa

    match value:
        case Call(function=function, arguments=([*chunks], *_)) if function == _ARROW_CHUNKED:
            pieces = [_arrow_array(chunk) for chunk in chunks]
            return pa.concat_arrays(pieces) if pieces else pa.array([], pa.string())
    return _arrow_array(value)


def _arrow_array(value: Any) -> pa.Array:
    import pyarrow as pa

    match value:
        case Call(
            function=function,
            arguments=(
                (Call(arguments=(str() as kind,)), int() as length, int() as nulls, int() as offset, buffers, *_),
            ),
        ) if function == _ARROW_ARRAY and kind in ("string", "large_string") and isinstance(buffers, list):
            try:
                kinds = {"string": pa.string(), "large_string": pa.large_string()}
                array = pa.Array.from_buffers(kinds[kind], length, [*map(_buffer, buffers)], nulls, offset)
                array.validate(full=True)
                return array.cast(pa.string())
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                raise FrameDamaged(f"damaged texts ({error!s:.80})") from error
    raise FrameDamaged("its texts are of a kind that is not read")


def _buffer(value: Any) -> pa.Buffer | None:
    import pyarrow as pa

    match value:
        case None:
            return None
        case Call(function=function, arguments=(held,)) if function == _ARROW_BUFFER:
            content = _bytes(held)
            if content is not None:
                return pa.py_buffer(content)
    raise FrameDamaged("damaged texts")
