"""The table of photographs, read on the executors: a row a photograph, with its bytes or its file's URI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.archives.names import PARQUET
from streetdeciles.archives.parquet import open_parquet
from streetdeciles.config import ImageTable
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.images.listing import list_all

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

ROWS = "id string, uri string, member string, offset bigint, location_id string, view string"
"""`id` names the row, as `<file>!<row>`. Where it holds the bytes, `member` is the column and `offset` the row."""

ROWS_A_BATCH = 10_000


def list_rows(spark: SparkSession, table: ImageTable, staged: str) -> DataFrame:
    """All rows of the table's Parquet files (columns of ROWS).

    Raises:
        RunRefused: there are no such files, or not these columns in them.
    """
    files = _parquet_files(spark, table.path, staged).persist()
    try:
        first = files.orderBy("uri").first()
        if first is None:
            raise RunRefused(f"images.table.path: {table.path} has no file whose name ends with .parquet")
        check_columns(first["uri"], table)
        n_files = files.count()
        at_most = int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
        spread = files.repartition(min(n_files, at_most))
        rows_at = storage.spark_uri(storage.join(staged, "rows"))
        spread.mapInArrow(partial(row_batches, table=table), ROWS).write.parquet(rows_at)
    finally:
        files.unpersist()
    return spark.read.schema(ROWS).parquet(rows_at)


def _parquet_files(spark: SparkSession, path: str, staged: str) -> DataFrame:
    """The column `uri`; hidden files and what Spark keeps beside its own (`_SUCCESS`) are none."""
    fs, there = storage.filesystem(path)
    if not fs.isdir(there):
        found = [(path,)] if PARQUET.fullmatch(path) else []
        return spark.createDataFrame(found, "uri string")
    entries = list_all(spark, path, storage.join(staged, "files"))
    return entries.where("kind = 'file' AND relative RLIKE '(?i)^(.*/)?[^/._][^/]*[.]parquet$'").select("uri")


def check_columns(uri: str, table: ImageTable) -> bool:
    """Whether the image's column holds bytes, not URIs; RunRefused where a column is missing or of another type."""
    import pyarrow as pa

    with open_parquet(uri) as file:
        schema = file.schema_arrow
    expected = {
        "image": ("bytes, or text that is a URI", (pa.types.is_binary, pa.types.is_large_binary, *_text())),
        "location_id": ("text or whole numbers", (pa.types.is_integer, *_text())),
        "view": ("text or whole numbers", (pa.types.is_integer, *_text())),
    }
    for key, (wanted, types) in expected.items():
        name = getattr(table, key)
        if name is None:
            continue
        if name not in schema.names:
            raise RunRefused(f"images.table.{key}: {uri} has no column {name!r}; it has {', '.join(schema.names)}")
        kind = schema.field(name).type
        if not any(is_type(kind) for is_type in types):
            raise RunRefused(f"images.table.{key}: column {name!r} of {uri} is {kind}; expected {wanted}")
    kind = schema.field(table.image).type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _text() -> tuple[object, ...]:
    import pyarrow as pa

    return pa.types.is_string, pa.types.is_large_string


def row_batches(batches: Iterable[pa.RecordBatch], table: ImageTable) -> Iterator[pa.RecordBatch]:
    """The rows of each file of the column `uri`, as batches of ROWS; bytes are not read."""
    for batch in batches:
        for uri in batch.column("uri").to_pylist():
            try:
                yield from _rows_of(uri, table)
            except (RunRefused, GeneratorExit):
                raise
            except Exception as error:
                why = " ".join(str(error).split()) or type(error).__name__
                raise RunFailed(f"{uri}: cannot be read as Parquet ({why}); mend or remove the file") from error


def _rows_of(uri: str, table: ImageTable) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    holds_bytes = check_columns(uri, table)
    names = [table.location_id, *([table.view] if table.view else []), *([] if holds_bytes else [table.image])]
    first = 0
    with open_parquet(uri) as file:
        for batch in file.iter_batches(ROWS_A_BATCH, columns=names, use_threads=False):
            n = batch.num_rows
            rows = range(first, first + n)

            def text(name: str, batch: pa.RecordBatch = batch) -> pa.Array:
                return batch.column(batch.schema.get_field_index(name)).cast(pa.string())

            yield pa.RecordBatch.from_arrays(
                [
                    pa.array([f"{uri}!{row}" for row in rows], pa.string()),
                    pa.array([uri] * n, pa.string()) if holds_bytes else text(table.image),
                    pa.array([table.image if holds_bytes else None] * n, pa.string()),
                    pa.array(rows if holds_bytes else [None] * n, pa.int64()),
                    text(table.location_id),
                    text(table.view) if table.view else pa.array(["0"] * n, pa.string()),
                ],
                [column.split(" ")[0] for column in ROWS.split(", ")],
            )
            first += n
