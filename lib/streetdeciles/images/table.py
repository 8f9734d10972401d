"""The table of photographs, read on the executors: a row a photograph, with its bytes or its file's URI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.archives.names import PARQUET
from streetdeciles.archives.parquet import column_named, field_named, open_parquet
from streetdeciles.config import ImageTable
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.images.delta import FILES, DataFile, Partition, delta_files, is_delta
from streetdeciles.images.listing import list_all

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

ROWS = "id string, uri string, member string, offset bigint, location_id string, view string"
"""`id` names the row, as `<file>!<row>`. Where it holds the bytes, `member` is the column and `offset` the row."""

KEPT = "kept_"
"""Before the names of the columns of `images.table.keep`, so that they are none of ROWS."""

ROWS_A_BATCH = 10_000


def list_rows(spark: SparkSession, table: ImageTable, staged: str) -> DataFrame:
    """All rows of the table's Parquet files (columns of ROWS, and those that are kept).

    Raises:
        RunRefused: there are no such files, or not these columns in them.
    """
    files = _data_files(spark, table.path, staged).persist()
    try:
        first = files.orderBy("uri").first()
        if first is None:
            raise RunRefused(f"images.table.path: {table.path} has no file whose name ends with .parquet")
        partition = first["partition"] or {}
        check_columns(first["uri"], table, partition)
        kept = _kept_schema(first["uri"], table, partition)
        n_files = files.count()
        at_most = int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
        spread = files.repartition(min(n_files, at_most))
        schema = _rows_schema(kept)
        rows = spread.mapInArrow(partial(row_batches, table=table, kept=kept), schema)
        rows.write.parquet(storage.spark_uri(_rows_uri(staged)))
    finally:
        files.unpersist()
    return staged_rows(spark, staged)


def staged_rows(spark: SparkSession, staged: str) -> DataFrame:
    """What `list_rows` has staged there."""
    return storage.read_parquet(spark, _rows_uri(staged))


def _rows_uri(staged: str) -> str:
    return storage.join(staged, "rows")


def _rows_schema(kept: pa.Schema) -> StructType:
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructType, _parse_datatype_string

    rows = _parse_datatype_string(ROWS)
    assert isinstance(rows, StructType)
    return StructType([*rows.fields, *from_arrow_schema(kept).fields])


def _kept_schema(uri: str, table: ImageTable, partition: Partition) -> pa.Schema:
    """Types as in the table's first file; dictionaries are only Arrow's way to hold the values."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_type

    with open_parquet(uri) as file:
        schema = file.schema_arrow
    fields = []
    for name in table.keep:
        kind = pa.string() if name in partition else schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        try:
            from_arrow_type(kind)
        except Exception:  # pyspark's own, for types that Spark has not
            raise RunRefused(
                f"images.table.keep: column {name!r} of {uri} is {kind}, which Spark does not read; leave it out"
            ) from None
        fields.append(pa.field(f"{KEPT}{name}", kind))
    return pa.schema(fields)


def _data_files(spark: SparkSession, path: str, staged: str) -> DataFrame:
    """Columns of `delta.FILES`. Hidden files and what Spark keeps beside its own (`_SUCCESS`) are none of a folder."""
    fs, there = storage.filesystem(path)
    if not fs.isdir(there):
        found: list[DataFile] = [(path, {})] if PARQUET.fullmatch(path) else []
        return spark.createDataFrame(found, FILES)
    if is_delta(path):
        return spark.createDataFrame(delta_files(spark, path), FILES)
    entries = list_all(spark, path, storage.join(staged, "files"))
    parquet = entries.where("kind = 'file' AND relative RLIKE '(?i)^(.*/)?[^/._][^/]*[.]parquet$'")
    return parquet.selectExpr("uri", "CAST(NULL AS map<string,string>) AS partition")


def check_columns(uri: str, table: ImageTable, partition: Partition) -> bool:
    """Whether the image's column holds bytes, not URIs; RunRefused where a column is missing or of another type.

    `partition`: columns that are not in the file, with their values.
    """
    import pyarrow as pa

    with open_parquet(uri) as file:
        schema = file.schema_arrow
    expected = {
        "image": ("bytes, or text that is a URI", (pa.types.is_binary, pa.types.is_large_binary, *_text())),
        "location_id": ("text or whole numbers", (pa.types.is_integer, *_text())),
        "view": ("text or whole numbers", (pa.types.is_integer, *_text())),
    }
    for key, name in [*((key, getattr(table, key)) for key in expected), *(("keep", name) for name in table.keep)]:
        if name is None or (name in partition and key != "image"):
            continue
        field = field_named(schema, name)
        if field is None:
            raise RunRefused(f"images.table.{key}: {uri} has no column {name!r}; it has {', '.join(schema.names)}")
        wanted, types = expected.get(key, ("", ()))
        if types and not any(is_type(field.type) for is_type in types):
            raise RunRefused(
                f"images.table.{key}: column {name!r} of {uri} is {field.type}; expected {wanted}{_hint(field)}"
            )
    image = field_named(schema, table.image)
    assert image is not None
    kind = image.type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _hint(field: pa.Field) -> str:
    import pyarrow as pa

    if not pa.types.is_struct(field.type):
        return ""
    return f"; name one of its fields, e.g. {field.name}.{field.type[0].name}"


def _text() -> tuple[object, ...]:
    import pyarrow as pa

    return pa.types.is_string, pa.types.is_large_string


def row_batches(batches: Iterable[pa.RecordBatch], table: ImageTable, kept: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of each file of the column `uri`, as batches of ROWS and `kept`; bytes are not read."""
    for batch in batches:
        for uri, pairs in zip(batch.column("uri").to_pylist(), batch.column("partition").to_pylist(), strict=True):
            try:
                yield from _rows_of(uri, dict(pairs or ()), table, kept)
            except (RunRefused, GeneratorExit):
                raise
            except Exception as error:
                why = " ".join(str(error).split()) or type(error).__name__
                raise RunFailed(f"{uri}: cannot be read as Parquet ({why}); mend or remove the file") from error


def _rows_of(uri: str, partition: Partition, table: ImageTable, kept: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    holds_bytes = check_columns(uri, table, partition)
    names = [table.location_id, *([table.view] if table.view else []), *([] if holds_bytes else [table.image])]
    names += table.keep
    first = 0
    with open_parquet(uri) as file:
        # A column is read even where none is needed: its batches tell how many rows there are.
        inside = [name for name in names if name not in partition] or file.schema_arrow.names[:1]
        for batch in file.iter_batches(ROWS_A_BATCH, columns=inside, use_threads=False):
            n = batch.num_rows
            rows = range(first, first + n)

            def values(name: str, kind: pa.DataType, batch: pa.RecordBatch = batch) -> pa.Array:
                if name in partition:
                    return pa.array([partition[name]] * batch.num_rows, kind)
                return column_named(batch, name).cast(kind)

            yield pa.RecordBatch.from_arrays(
                [
                    pa.array([f"{uri}!{row}" for row in rows], pa.string()),
                    pa.array([uri] * n, pa.string()) if holds_bytes else values(table.image, pa.string()),
                    pa.array([table.image if holds_bytes else None] * n, pa.string()),
                    pa.array(rows if holds_bytes else [None] * n, pa.int64()),
                    values(table.location_id, pa.string()),
                    values(table.view, pa.string()) if table.view else pa.array(["0"] * n, pa.string()),
                    *(values(field.name.removeprefix(KEPT), field.type) for field in kept),
                ],
                [*(column.split(" ")[0] for column in ROWS.split(", ")), *kept.names],
            )
            first += n
