"""Columns of a pickled pandas DataFrame, as any pandas from 0.20 on writes it; nothing in the file is run.

Up to pandas 1.2 the state of a BlockManager holds dicts with `values` and `mgr_locs`; since then it is made from calls
of `_unpickle_block`. Texts are in object arrays, in StringArrays, or (the default of pandas 3) in Arrow's buffers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, BinaryIO

from streetdeciles.errors import RunRefused
from streetdeciles.imports.pickled_arrays import NA, NAMES, FrameDamaged, Items, items_of, made_of, public
from streetdeciles.pickled import Admitted, Call, Name, NotAdmitted, read_pickle

if TYPE_CHECKING:
    import pyarrow as pa

MAX_OPCODES = 20_000_000
"""For a text in a frame a pickle needs two; a larger frame is better kept in another format."""

OTHER_FORMAT = "or save the table as CSV or Parquet (DataFrame.to_csv or to_parquet)"

_FRAMES = public("pandas.core.frame", "DataFrame")
_MANAGERS = {Name(module, "BlockManager") for module in ("pandas.core.internals", "pandas.core.internals.managers")}
_UNPICKLE_BLOCK = Name("pandas._libs.internals", "_unpickle_block")
_OBJECTS = {Name(module, "object") for module in ("builtins", "__builtin__")}
_SLICES = {Name(module, "slice") for module in ("builtins", "__builtin__")}
_NEW_INDEX = {Name(module, "_new_Index") for module in ("pandas.core.indexes.base", "pandas.indexes.base")}
_INDEXES = {
    *(Name("pandas", name) for name in ("Index", "RangeIndex", "MultiIndex")),
    *(
        Name(f"{package}.{module}", name)
        for package in ("pandas.core.indexes", "pandas.indexes")
        for module, name in (
            ("base", "Index"),
            ("range", "RangeIndex"),
            ("numeric", "Int64Index"),
            ("numeric", "Float64Index"),
            ("multi", "MultiIndex"),
        )
    ),
}
_UNUSED = {
    *public("pandas.core.arrays.datetimes", "DatetimeArray", since_3="pandas.arrays"),
    *public("pandas.core.arrays.boolean", "BooleanArray", since_3="pandas.arrays"),
    *public("pandas.core.arrays.floating", "FloatingArray", since_3="pandas.arrays"),
    *public("pandas.core.arrays.boolean", "BooleanDtype"),
    *public("pandas.core.arrays.categorical", "Categorical"),
    *public("pandas.core.arrays.floating", "Float32Dtype", "Float64Dtype"),
    *public("pandas.core.dtypes.dtypes", "CategoricalDtype", "DatetimeTZDtype"),
    *public("pandas._libs.tslibs.timestamps", "Timestamp", "_unpickle_timestamp"),
    *(Name("datetime", name) for name in ("date", "datetime", "timedelta", "timezone")),
    *(Name(f"{core}.multiarray", "scalar") for core in ("numpy.core", "numpy._core")),
}
"""Names in columns that are not read."""

_ADMITTED = {
    _UNPICKLE_BLOCK,
    *_FRAMES,
    *_MANAGERS,
    *_OBJECTS,
    *_SLICES,
    *_NEW_INDEX,
    *_INDEXES,
    *_UNUSED,
    *NAMES,
}


@dataclass(frozen=True)
class PickledFrame:
    """The columns of a DataFrame, by name, in their order; `uri` is its file."""

    uri: str
    columns: tuple[str, ...]
    _blocks: Sequence[tuple[Any, Sequence[int]]]

    def column(self, name: str) -> pa.Array:
        """The values of a column of texts or whole numbers, as texts; null where there is none.

        Raises:
            RunRefused: the column has other values, or the file is damaged.
        """
        import pyarrow as pa

        number = self.columns.index(name)
        try:
            for values, positions in self._blocks:
                if number in positions:
                    items = items_of(values, positions.index(number), len(positions))
                    return items if isinstance(items, pa.Array) else pa.array([*self._texts(name, items)], pa.string())
        except (FrameDamaged, TypeError, ValueError) as error:
            raise RunRefused(f"{self.uri}, column {name}: {error}; copy the file again, {OTHER_FORMAT}") from error
        raise RunRefused(f"{self.uri}: damaged, the column {name} has no values; copy it again, {OTHER_FORMAT}")

    def _texts(self, name: str, items: Items) -> Iterator[str | None]:
        for row, item in enumerate(items):
            if item is None or item == NA or (isinstance(item, float) and isnan(item)):
                yield None
            elif isinstance(item, str):
                yield item
            elif isinstance(item, int) and not isinstance(item, bool):
                yield str(item)
            else:
                shown = repr(item) if isinstance(item, float | bool) else type(item).__name__
                raise RunRefused(
                    f"{self.uri}, column {name}, row {row}: expected a text or a whole number as an id, found "
                    f"{shown:.40}; convert the column (astype(str)), {OTHER_FORMAT}"
                )


def read_frame(file: BinaryIO, uri: str) -> PickledFrame:
    """The frame in the pickle `file`.

    Raises:
        RunRefused: the file holds something else, or asks for something that a frame does not need.
    """
    size = file.seek(0, 2)
    file.seek(0)
    try:
        return _frame(read_pickle(file, size, Admitted(_ADMITTED, "tables", MAX_OPCODES, of_objects=True)), uri)
    except NotAdmitted as error:
        raise RunRefused(f"{uri}: {error}, {OTHER_FORMAT}") from error
    except (FrameDamaged, TypeError, ValueError) as error:
        raise RunRefused(
            f"{uri}: cannot be read as a pickled DataFrame ({error}); copy it again, {OTHER_FORMAT}"
        ) from error


def _frame(value: Any, uri: str) -> PickledFrame:
    match value:
        case Call(state=dict() as state) if made_of(value) in _FRAMES:
            manager = state.get("_mgr", state.get("_data"))
        case _:
            kind = value.function.name if isinstance(value, Call) else type(value).__name__
            raise FrameDamaged(f"expected a DataFrame, found {kind:.40}")
    axes, blocks = _axes_and_blocks(manager)
    return PickledFrame(uri, _column_names(axes[0]), [(values, _positions(where)) for values, where in blocks])


def _axes_and_blocks(manager: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """(the two axes, the values and positions of each block)"""
    match manager:
        case Call(arguments=((*calls,), [_, _] as axes)) if all(
            isinstance(call, Call) and call.function == _UNPICKLE_BLOCK and len(call.arguments) == 3 for call in calls
        ):
            return axes, [(call.arguments[0], call.arguments[1]) for call in calls]
        case Call(state=(_, _, _, {"0.14.1": {"axes": [_, _] as axes, "blocks": list() as blocks}})) if all(
            isinstance(block, dict) and {"values", "mgr_locs"} <= block.keys() for block in blocks
        ):
            return axes, [(block["values"], block["mgr_locs"]) for block in blocks]
    raise FrameDamaged("its layout is not that of a DataFrame of pandas 0.20 or newer")


def _column_names(axis: Any) -> tuple[str, ...]:
    import pyarrow as pa

    match axis:
        case Call(function=function, arguments=(_, {"data": data})) if function in _NEW_INDEX:
            items = items_of(data, 0, 1)
            return tuple(map(str, items.to_pylist() if isinstance(items, pa.Array) else items))
    raise FrameDamaged("its columns have no names")


def _positions(where: Any) -> Sequence[int]:
    """The numbers of a block's columns."""
    import pyarrow as pa

    match where:
        case Call(function=function, arguments=(int() as start, int() as stop, int() | None as step)) if (
            function in _SLICES and 0 <= start <= stop < 2**20 and step != 0
        ):
            return range(start, stop, step or 1)
        case Call():
            items = items_of(where, 0, 1)
            if not isinstance(items, pa.Array) and all(isinstance(item, int) for item in items):
                return [*items]
    raise FrameDamaged("the numbers of its columns cannot be read")
