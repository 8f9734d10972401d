"""Every Arrow type in a table of photographs: kept, an id, or refused by column and type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_images_table import table_config, write

from streetdeciles.config import ImageTable
from streetdeciles.images.kept_types import common_type, kept_type, kept_values, settled
from streetdeciles.images.stage import run
from streetdeciles.images.table_columns import key_text, unfit_column
from streetdeciles.session_settings import spark_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = dt.datetime(2019, 5, 1, 12, 30, 15, 123456)
EARLY = dt.datetime(1, 1, 1)
UTC = dt.timezone.utc

KEPT: dict[str, tuple[pa.DataType, list[Any], list[Any]]] = {
    "ns": (pa.timestamp("ns"), [pd.Timestamp(NOON) + pd.Timedelta(789, "ns"), None], [NOON, None]),
    "us": (pa.timestamp("us"), [EARLY, dt.datetime(9999, 12, 31)], [EARLY, dt.datetime(9999, 12, 31)]),
    "seconds": (pa.timestamp("s"), [EARLY, None], [EARLY, None]),
    "zoned": (pa.timestamp("ms", "Europe/London"), [EARLY, None], [EARLY.replace(tzinfo=UTC), None]),
    "date32": (pa.date32(), [dt.date(1, 1, 1), None], [dt.date(1, 1, 1), None]),
    "date64": (pa.date64(), [dt.date(2019, 5, 1), None], [dt.date(2019, 5, 1), None]),
    "time32": (pa.time32("s"), [dt.time(7, 5), None], ["07:05:00.000", None]),
    "time64": (pa.time64("us"), [dt.time(7, 5, 0, 1), None], ["07:05:00.000001", None]),
    "duration": (pa.duration("ns"), [pd.Timedelta(5, "s"), None], [dt.timedelta(seconds=5), None]),
    "decimal": (pa.decimal128(38, 3), [Decimal("1.5"), None], [Decimal("1.500"), None]),
    "decimal256": (pa.decimal256(20, 2), [Decimal("1.5"), None], [Decimal("1.50"), None]),
    "long_decimal": (pa.decimal256(60, 1), [Decimal("1e49"), None], ["1" + 49 * "0" + ".0", None]),
    "uint8": (pa.uint8(), [255, None], [255, None]),
    "uint16": (pa.uint16(), [2**16 - 1, None], [2**16 - 1, None]),
    "uint32": (pa.uint32(), [2**32 - 1, None], [2**32 - 1, None]),
    "uint64": (pa.uint64(), [2**64 - 1, None], [Decimal(2**64 - 1), None]),
    "int8": (pa.int8(), [-128, None], [-128, None]),
    "flag": (pa.bool_(), [True, None], [True, None]),
    "float32": (pa.float32(), [0.5, None], [0.5, None]),
    "nothing": (pa.null(), [None, None], [None, None]),
    "large_text": (pa.large_string(), ["é", None], ["é", None]),
    "bytes": (pa.binary(), [b"\xff", None], [b"\xff", None]),
    "large_bytes": (pa.large_binary(), [b"\xff", None], [b"\xff", None]),
    "fixed_bytes": (pa.binary(2), [b"\xff\x00", None], [b"\xff\x00", None]),
    "category": (pa.dictionary(pa.int8(), pa.string()), ["a", None], ["a", None]),
    "tags": (pa.list_(pa.dictionary(pa.int8(), pa.string())), [["a", None], None], [["a", None], None]),
    "large_list": (pa.large_list(pa.uint8()), [[255], []], [[255], []]),
    "fixed_list": (pa.list_(pa.float32(), 2), [[0.5, 1], [2, 3]], [[0.5, 1], [2, 3]]),
    "box": (
        pa.struct([("a b", pa.uint16()), ("at", pa.timestamp("ns"))]),
        [{"a b": 1, "at": pd.Timestamp(NOON)}, None],
        [{"a b": 1, "at": NOON}, None],
    ),
    "wide": (
        pa.struct([(f"field_number_{i}", pa.int8()) for i in range(40)]),
        [{f"field_number_{i}": i for i in range(40)}, None],
        [{f"field_number_{i}": i for i in range(40)}, None],
    ),
    "pairs": (pa.map_(pa.string(), pa.uint8()), [[("k", 255)], None], [[("k", 255)], None]),
}
"""Name -> (type in the file, values of two rows, the values in image_columns)."""


OWNERS = {
    "spark.sql.session.timeZone": "Asia/Tokyo",
    "spark.sql.parquet.outputTimestampType": "INT96",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "EXCEPTION",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
}
"""As a cluster's owner may have set them, or Spark by default."""


@pytest.mark.parametrize("owners", [{}, OWNERS], ids=["own session", "owner's session"])
def test_kept_columns_of_every_type_keep_their_values(
    spark: SparkSession, tmp_path: Path, owners: dict[str, str]
) -> None:
    columns = {name: pa.array(values, kind) for name, (kind, values, _) in KEPT.items()}
    keys = {"location_id": ["a", "b"], "view": [0, 0], "image": [b"1", b"2"]}
    path = write(tmp_path / "table.parquet", **keys, **columns)
    with spark_settings(spark, owners):
        run(spark, table_config(tmp_path, ImageTable(path=path, keep=[*KEPT])))
        assert {key: spark.conf.get(key) for key in owners} == owners
    actual = pq.read_table(tmp_path / "work" / "image_columns").sort_by("image_id")
    actual = actual.set_column(
        actual.schema.get_field_index("duration"), "duration", actual["duration"].cast(pa.duration("us"))
    )
    for name, (_, _, expected) in KEPT.items():
        assert actual[name].to_pylist() == expected, name


def kept_of(values: pa.Array) -> list[Any]:
    kind = kept_type(values.type)
    assert kind is not None
    kept: list[Any] = kept_values(values, settled(kind)).to_pylist()
    return kept


LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint16(), st.integers(0, 2**16 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), st.floats(allow_nan=False, width=32)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text(max_size=5)),
    (pa.large_string(), st.text(max_size=5)),
    (pa.binary(), st.binary(max_size=5)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    (pa.decimal128(9, 2), st.decimals(-9999, 9999, places=2)),
    (pa.null(), st.none()),
]


def columns() -> st.SearchStrategy[tuple[pa.DataType, list[Any]]]:
    """A type of any nesting, and values of it."""

    def nested(
        inner: st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]],
    ) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
        def of_one(make: Any) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
            return inner.map(lambda pair: make(pair[0], pair[1] | st.none()))

        lists = of_one(lambda kind, values: (pa.list_(kind), st.lists(values, max_size=3)))
        large = of_one(lambda kind, values: (pa.large_list(kind), st.lists(values, max_size=3)))
        fixed = of_one(lambda kind, values: (pa.list_(kind, 2), st.lists(values, min_size=2, max_size=2)))
        structs = of_one(lambda kind, values: (pa.struct([("a", kind)]), st.fixed_dictionaries({"a": values})))
        maps = of_one(
            lambda kind, values: (
                pa.map_(pa.string(), kind),
                st.lists(st.tuples(st.text(max_size=2), values), max_size=2, unique_by=lambda pair: pair[0]),
            )
        )
        return st.one_of(lists, large, fixed, structs, maps)

    kinds = st.recursive(st.sampled_from(LEAVES), nested, max_leaves=3)
    return kinds.flatmap(lambda pair: st.tuples(st.just(pair[0]), st.lists(pair[1] | st.none(), max_size=4)))


@settings(max_examples=150, deadline=None)
@given(columns())
def test_kept_values_equal_those_of_the_file(column: tuple[pa.DataType, list[Any]]) -> None:
    kind, values = column
    array = pa.array(values, kind)
    assert kept_of(array) == array.to_pylist()


@settings(max_examples=200, deadline=None)
@given(st.lists(columns(), min_size=2, max_size=3))
def test_common_type_does_not_depend_on_order_and_keeps_values(parts: Sequence[tuple[pa.DataType, list[Any]]]) -> None:
    (one, values), (other, _) = parts[:2]
    kept_one, kept_other = kept_type(one), kept_type(other)
    common = common_type(kept_one, kept_other)
    assert common == common_type(kept_other, kept_one)
    assert common_type(kept_one, kept_one) == kept_one
    if common is None:
        return
    array = pa.array(values, one)
    try:
        kept = kept_values(array, settled(common))
    except pa.ArrowInvalid:  # whole numbers that a float does not hold are refused, not rounded
        assert "double" in str(common)
        assert any(abs(number) > 2**53 for number in numbers_in(values))
        return
    if not pa.types.is_timestamp(common):  # a date is the midnight at its beginning
        assert kept.to_pylist() == array.to_pylist()


def numbers_in(values: Any) -> list[int]:
    if isinstance(values, dict):
        return numbers_in([*values.values()])
    if isinstance(values, list | tuple):
        return [number for value in values for number in numbers_in(value)]
    return [values] if isinstance(values, int) else []


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((pa.int32(), pa.int64()), pa.int64()),
        ((pa.uint8(), pa.int8()), pa.int16()),
        ((pa.uint64(), pa.int64()), pa.decimal128(20, 0)),
        ((pa.int64(), pa.float64()), pa.float64()),
        ((pa.int16(), pa.float32()), pa.float32()),
        ((pa.int32(), pa.float32()), pa.float64()),
        ((pa.null(), pa.list_(pa.int8())), pa.list_(pa.int8())),
        ((pa.list_(pa.null()), pa.list_(pa.int8())), pa.list_(pa.int8())),
        ((pa.null(), pa.null()), pa.string()),
        ((pa.timestamp("ns"), pa.timestamp("s")), pa.timestamp("us")),
        ((pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("s", "UTC")), pa.timestamp("us", "UTC")),
        ((pa.date32(), pa.timestamp("s")), pa.timestamp("us")),
        ((pa.decimal128(5, 2), pa.decimal128(6, 1)), pa.decimal128(7, 2)),
        ((pa.dictionary(pa.int8(), pa.string()), pa.large_string()), pa.string()),
        ((pa.int64(), pa.string()), None),
        ((pa.bool_(), pa.int8()), None),
        ((pa.timestamp("us"), pa.timestamp("us", "UTC")), None),
        ((pa.string(), pa.binary()), None),
        ((pa.decimal128(38, 0), pa.decimal128(38, 1)), None),
        ((pa.decimal128(5, 2), pa.float64()), None),
        ((pa.struct([("a", pa.int8())]), pa.struct([("b", pa.int8())])), None),
    ],
    ids=str,
)
def test_types_of_two_files_have_a_lossless_common_type(
    types: tuple[pa.DataType, pa.DataType], expected: pa.DataType | None
) -> None:
    common = common_type(kept_type(types[0]), kept_type(types[1]))
    assert (None if common is None else settled(common)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["00012", None]), ["00012", None]),
        (pa.array(["00012", None], pa.large_string()), ["00012", None]),
        (pa.array([12, None], pa.uint64()), ["12", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([12.0, float("nan"), None, -0.0]), ["12", None, None, "0"]),
        (pa.array([12.0, None], pa.float32()), ["12", None]),
        (pa.array([Decimal("12.00"), None], pa.decimal128(9, 2)), ["12", None]),
        (pa.array([Decimal(10**30), None], pa.decimal256(60, 0)), ["1" + 30 * "0", None]),
        (pa.array(["é".encode(), None]), ["é", None]),
        (pa.array([b"00012", None], pa.binary(5)), ["00012", None]),
        (pa.array([None, None]), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_ids_are_text_or_whole_numbers_of_any_type(values: pa.Array, expected: list[str | None]) -> None:
    assert key_text(values).to_pylist() == expected


@pytest.mark.parametrize(
    ("values", "actual"),
    [
        (pa.array([1.0, 1.5]), "1.5"),
        (pa.array([float("inf")]), "inf"),
        (pa.array([2.0**60]), r"1\.15"),
        (pa.array([Decimal("1.50")], pa.decimal128(9, 2)), r"1\.50"),
        (pa.array([b"\xff\xfe"]), "bytes that are not UTF-8 text"),
    ],
)
def test_ids_that_are_other_numbers_or_bytes_are_refused(values: pa.Array, actual: str) -> None:
    with pytest.raises(ValueError, match=actual):
        key_text(values)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**53), 2**53) | st.none()))
def test_whole_numbers_as_floats_are_the_same_ids(numbers: list[int | None]) -> None:
    expected = [None if number is None else str(number) for number in numbers]
    assert key_text(pa.array(numbers, pa.int64())).to_pylist() == expected
    assert key_text(pa.array([None if n is None else float(n) for n in numbers], pa.float64())).to_pylist() == expected


@pytest.mark.parametrize(
    "values",
    [
        pa.array([NOON], pa.timestamp("ns")),
        pa.array([dt.date(2019, 5, 1)]),
        pa.array([dt.time(7)], pa.time64("us")),
        pa.array([5], pa.duration("us")),
        pa.array([True]),
        pa.array([["a"]]),
        pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string())),
    ],
    ids=lambda values: str(values.type),
)
def test_other_types_are_refused_by_column_type_and_file(values: pa.Array) -> None:
    schema = pa.schema([("location_id", pa.string()), ("view", pa.int8()), ("image", pa.binary()), ("x", values.type)])
    for key, expected in (
        ("location_id", "text or whole numbers"),
        ("view", "text or whole numbers"),
        ("image", "bytes, or text that is a URI"),
    ):
        problem = unfit_column("t.parquet", schema, ImageTable(path="t.parquet", **{key: "x"}), {})
        assert problem == f"images.table.{key}: column 'x' of t.parquet is {values.type}; expected {expected}"


@pytest.mark.parametrize(
    "kind",
    [pa.month_day_nano_interval(), pa.struct([("a", pa.int8()), ("A", pa.int8())]), pa.struct([])],
    ids=str,
)
def test_kept_column_that_spark_cannot_store_is_refused(kind: pa.DataType) -> None:
    schema = pa.schema([("location_id", pa.string()), ("view", pa.int8()), ("image", pa.binary()), ("x", kind)])
    problem = unfit_column("t.parquet", schema, ImageTable(path="t.parquet", keep=["x"]), {})
    assert problem == (
        f"images.table.keep: column 'x' of t.parquet is {kind}, which Spark cannot store; "
        "write it as another type, or leave it out"
    )
