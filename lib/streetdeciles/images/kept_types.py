"""The types that columns of `images.table.keep` have in `image_columns`: Arrow's many types as the few that Spark has.

Nothing is lost but fractions of a microsecond. Types that Spark lacks become the next wider one (unsigned integers,
half floats), or text (times of day, decimals of more than 38 digits, columns that are null everywhere).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType

DIGITS = {8: 3, 16: 5, 32: 10, 64: 19}
"""Number of an integer's bits -> number of its decimal digits."""
MAX_DIGITS = 38
"""Maximum precision of Spark's decimals."""

Leaf = Callable[["pa.DataType"], "pa.DataType | None"]


def kept_type(kind: pa.DataType) -> pa.DataType | None:
    """The type in which values of `kind` are kept, or None; `null` stays until the types of all files are known."""
    return _rebuilt(kind, _plain)


def settled(kind: pa.DataType) -> pa.DataType:
    """`kind` as Spark can store it: columns that are null in all files become text."""
    import pyarrow as pa

    return _rebuilt(kind, lambda leaf: pa.string() if pa.types.is_null(leaf) else leaf)


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of two kept types exactly, or None.

    For whole numbers and floats it is a float; `kept_values` refuses whole numbers that it does not hold exactly.
    """
    import pyarrow as pa

    types = pa.types
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if types.is_list(one) and types.is_list(other):
        inner = common_type(one.value_type, other.value_type)
        return None if inner is None else pa.list_(inner)
    if types.is_struct(one) and types.is_struct(other) and [f.name for f in one] == [f.name for f in other]:
        fields = [(a.name, common_type(a.type, b.type)) for a, b in zip(one, other, strict=True)]
        return None if any(inner is None for _, inner in fields) else pa.struct(fields)
    if {one, other} == {pa.date32(), pa.timestamp("us")}:
        return pa.timestamp("us")
    return _common_number(one, other)


def sql_type(kind: DataType) -> str:
    """The type in Spark SQL's text, as its `simpleString` has it, but with the names of fields quoted."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, ArrayType):
        return f"array<{sql_type(kind.elementType)}>"
    if isinstance(kind, MapType):
        return f"map<{sql_type(kind.keyType)},{sql_type(kind.valueType)}>"
    if isinstance(kind, StructType):
        fields = (f"`{field.name.replace('`', '``')}`:{sql_type(field.dataType)}" for field in kind)
        return f"struct<{','.join(fields)}>"
    return kind.simpleString()


def kept_values(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """`values` in the settled type that all files have in common; pa.ArrowException if they do not fit in it."""
    import pyarrow.compute as pc

    return pc.cast(values, options=pc.CastOptions(kind, allow_time_truncate=True))


def bare_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values within dictionaries and extension types."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return bare_type(kind.storage_type)
    return bare_type(kind.value_type) if pa.types.is_dictionary(kind) else kind


def _rebuilt(kind: pa.DataType, leaf: Leaf) -> pa.DataType | None:
    """`kind` with `leaf` applied to each type in it that is not nested; None if `leaf` returns None for any of them."""
    import pyarrow as pa

    kind, types = bare_type(kind), pa.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _rebuilt(kind.value_type, leaf)
        return None if inner is None else pa.list_(inner)
    if types.is_map(kind):
        key, item = _rebuilt(kind.key_type, leaf), _rebuilt(kind.item_type, leaf)
        return None if key is None or item is None else pa.map_(key, item)
    if types.is_struct(kind):
        inside = {field.name.lower(): (field.name, _rebuilt(field.type, leaf)) for field in kind}
        is_fit = 0 < len(inside) == kind.num_fields and all(inner is not None for _, inner in inside.values())
        return pa.struct([*inside.values()]) if is_fit else None
    return leaf(kind)


def _plain(kind: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if types.is_decimal(kind):
        fits = 0 <= kind.scale <= kind.precision <= MAX_DIGITS
        return pa.decimal128(kind.precision, kind.scale) if fits else pa.string()
    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(20, 0),
        pa.float16(): pa.float32(),
    }
    if types.is_date(kind) or types.is_duration(kind):
        return pa.date32() if types.is_date(kind) else pa.duration("us")
    if types.is_time(kind) or is_text(kind) or is_bytes(kind):
        return pa.binary() if is_bytes(kind) else pa.string()
    same = (types.is_null, types.is_boolean, types.is_signed_integer, types.is_floating)
    return wider.get(kind, kind if any(is_type(kind) for is_type in same) else None)


def is_text(kind: pa.DataType) -> bool:
    return str(kind) in ("string", "large_string", "string_view")


def is_bytes(kind: pa.DataType) -> bool:
    return str(kind) in ("binary", "large_binary", "binary_view") or str(kind).startswith("fixed_size_binary")


def _common_number(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    types = pa.types
    pair = (one, other)
    if all(types.is_integer(kind) or types.is_floating(kind) for kind in pair):
        widest = max(pair, key=lambda kind: kind.bit_width)
        if all(types.is_integer(kind) for kind in pair) or all(types.is_floating(kind) for kind in pair):
            return widest
        whole, real = sorted(pair, key=types.is_floating)
        return pa.float64() if whole.bit_width > 16 else real
    if all(types.is_integer(kind) or types.is_decimal(kind) for kind in pair):
        scales = [kind.scale if types.is_decimal(kind) else 0 for kind in pair]
        whole_digits = [
            kind.precision - kind.scale if types.is_decimal(kind) else DIGITS[kind.bit_width] for kind in pair
        ]
        precision = max(whole_digits) + max(scales)
        return pa.decimal128(precision, max(scales)) if precision <= MAX_DIGITS else None
    return None
