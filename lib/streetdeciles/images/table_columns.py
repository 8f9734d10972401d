"""The columns of a table of photographs: whether their types are fit, and their values as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.archives.parquet import field_named
from streetdeciles.config import ImageTable
from streetdeciles.images.delta import Partition
from streetdeciles.images.kept_types import bare_type, is_bytes, is_text, kept_type

if TYPE_CHECKING:
    import pyarrow as pa

MAX_WHOLE = {16: 2**11, 32: 2**24, 64: 2**53}
"""Number of a float's bits -> the limit up to which it holds every whole number exactly."""


def unfit_column(uri: str, schema: pa.Schema, table: ImageTable, partition: Partition) -> str | None:
    """What is wrong with the columns of one file, or None.

    `partition`: columns that are not in the file, with their values.
    """
    keys = [("image", table.image), ("location_id", table.location_id), ("view", table.view)]
    for key, name in [*keys, *(("keep", name) for name in table.keep)]:
        if name is None:
            continue
        outer = name if name in schema.names else name.partition(".")[0]
        if schema.names.count(outer) > 1:
            return f"images.table.{key}: column {outer!r} appears twice in {uri}; rename one of them"
        field = field_named(schema, name)
        if field is None and name in partition and key != "image":
            continue
        if field is None:
            known = ", ".join([*schema.names, *partition])
            return f"images.table.{key}: {uri} has no column {name!r}; it has {known}"
        if key == "keep" and kept_type(field.type) is None:
            return (
                f"images.table.keep: column {name!r} of {uri} is {field.type}, which Spark cannot store; "
                "write it as another type, or leave it out"
            )
        if key != "keep" and not (_may_be_image(field.type) if key == "image" else _may_be_key(field.type)):
            expected = "bytes, or text that is a URI" if key == "image" else "text or whole numbers"
            return f"images.table.{key}: column {name!r} of {uri} is {field.type}; expected {expected}{_hint(field)}"
    return None


def holds_bytes(schema: pa.Schema, image: str) -> bool:
    """Whether the column `image` holds the photographs themselves, not their URIs."""
    field = field_named(schema, image)
    assert field is not None
    return is_bytes(bare_type(field.type))


def key_text(values: pa.Array) -> pa.Array:
    """Ids, views and URIs as strings. Whole numbers become `12`, even if they are floats or decimals; NaN becomes null.

    Raises:
        ValueError: a number is not whole, or bytes are not UTF-8; the text says which.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), None, values)
        is_whole = pc.and_(pc.equal(values, pc.trunc(values)), pc.less_equal(pc.abs(values), MAX_WHOLE[kind.bit_width]))
        other = values.filter(pc.invert(is_whole))
        if len(other):
            raise ValueError(f"{other[0].as_py()!r}")
        return values.cast(pa.int64()).cast(pa.string())
    if pa.types.is_decimal(kind):
        whole = pc.trunc(values)
        other = values.filter(pc.not_equal(values, whole))
        if len(other):
            raise ValueError(f"{other[0].as_py()}")
        values = whole.cast(pa.decimal256(76, 0))
    try:
        text = values.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        raise ValueError("bytes that are not UTF-8 text") from error
    return text


def _may_be_image(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kind = bare_type(kind)
    return is_bytes(kind) or is_text(kind) or pa.types.is_null(kind)


def _may_be_key(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kind = bare_type(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return is_number or _may_be_image(kind)


def _hint(field: pa.Field) -> str:
    import pyarrow as pa

    if not pa.types.is_struct(field.type) or not field.type.num_fields:
        return ""
    return f"; name one of its fields, e.g. {field.name}.{field.type[0].name}"
