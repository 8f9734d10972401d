"""The table of photographs, read on the executors: one row per photograph, with its bytes or the URI of its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.archives.parquet import column_named, field_named, open_parquet
from streetdeciles.catalog.copies import CONTENT
from streetdeciles.config import ImageTable
from streetdeciles.errors import RunRefused, reason
from streetdeciles.images.delta import FILES, Partition
from streetdeciles.images.kept_types import kept_values, sql_type
from streetdeciles.images.table_columns import holds_bytes, key_text
from streetdeciles.images.table_files import files_in, reading, table_files
from streetdeciles.images.table_schema import DESCRIBED, common_schema, describe_files
from streetdeciles.inputs import version_of
from streetdeciles.listing import max_tasks
from streetdeciles.table import column_names

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

ROWS = "id string, uri string, member string, offset bigint, modified string, location_id string, view string"
"""`id` names the row, as `<file>!<row>`. If the table has the bytes, `member` is the column and `offset` the row."""

KEPT = "kept_"
"""Prefix of the columns of `images.table.keep`, so that their names differ from those in ROWS."""

ROWS_PER_BATCH = 10_000


def list_rows(spark: SparkSession, table: ImageTable, staged: str) -> DataFrame:
    """All rows of the table's Parquet files (columns of ROWS, and those that are kept).

    Raises:
        RunRefused: there are no such files, or they lack a column.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    listed = storage.join(staged, "table_files")
    table_files(spark, table.file, staged).write.parquet(storage.spark_uri(listed))
    files = storage.read_parquet(spark, listed, schema=FILES)
    n_files = files.count()
    if not n_files:
        raise RunRefused(f"images.table.path: {table.file} has no file whose name ends with .parquet")
    spread = files.repartition(min(n_files, max_tasks(spark)))
    kept = _common_schema(spread, table)
    columns = [ROWS, *(f"{KEPT}{field.name} {sql_type(field.dataType)}" for field in from_arrow_schema(kept, True))]
    rows = spread.mapInArrow(partial(row_batches, table=table, kept=kept), ", ".join(columns))
    rows.write.parquet(storage.spark_uri(_rows_uri(staged)))
    return staged_rows(spark, staged)


def staged_rows(spark: SparkSession, staged: str) -> DataFrame:
    """The rows that `list_rows` has staged."""
    return storage.read_parquet(spark, _rows_uri(staged))


def _rows_uri(staged: str) -> str:
    return storage.join(staged, "rows")


def _common_schema(files: DataFrame, table: ImageTable) -> pa.Schema:
    described = files.mapInArrow(partial(describe_files, table=table), DESCRIBED)
    rows = described.groupBy("problem", "name", "kind").agg({"uri": "min"}).collect()
    problems = [(row["min(uri)"], row["problem"]) for row in rows if row["problem"]]
    if problems:
        raise RunRefused(min(problems)[1])
    return common_schema(((row["min(uri)"], row["name"], bytes(row["kind"])) for row in rows), table.keep)


def row_batches(batches: Iterable[pa.RecordBatch], table: ImageTable, kept: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of each file in the column `uri`, as batches of ROWS and `kept`; photographs are not read."""
    for uri, partition in files_in(batches):
        with reading(uri):
            yield from _rows_of(uri, partition, table, kept)


def _rows_of(uri: str, partition: Partition, table: ImageTable, kept: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    first = 0
    with open_parquet(uri) as file:
        schema = file.schema_arrow
        has_bytes = holds_bytes(schema, table.image)
        has_hashes = has_bytes and CONTENT in schema.names
        modified = version_of(uri) if has_bytes and not has_hashes else None
        names = [table.location_id, *([table.view] if table.view else []), *([] if has_bytes else [table.image])]
        # If no column is needed, one is read all the same, for its number of rows.
        names += [CONTENT] if has_hashes else []
        in_file = [name for name in [*names, *table.keep] if field_named(schema, name) is not None] or schema.names[:1]
        for batch in file.iter_batches(ROWS_PER_BATCH, columns=in_file, use_threads=False):
            n = batch.num_rows
            rows = range(first, first + n)
            columns = _Columns(uri, partition, batch)
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array([f"{uri}!{row}" for row in rows], pa.string()),
                    pa.array([uri] * n, pa.string()) if has_bytes else columns.text("image", table.image),
                    pa.array([table.image if has_bytes else None] * n, pa.string()),
                    pa.array(rows if has_bytes else [None] * n, pa.int64()),
                    column_named(batch, CONTENT) if has_hashes else pa.array([modified] * n, pa.string()),
                    columns.text("location_id", table.location_id),
                    columns.text("view", table.view) if table.view else pa.array(["0"] * n, pa.string()),
                    *(columns.kept(field) for field in kept),
                ],
                [*column_names(ROWS), *(f"{KEPT}{name}" for name in kept.names)],
            )
            first += n


class _Columns:
    """The columns of one batch of a file, and those in the names of its folders."""

    def __init__(self, uri: str, partition: Partition, batch: pa.RecordBatch) -> None:
        self._uri, self._partition, self._batch = uri, partition, batch

    def text(self, key: str, name: str) -> pa.Array:
        values = self._values(name)
        try:
            return key_text(values)
        except ValueError as error:
            raise RunRefused(
                f"images.table.{key}: column {name!r} of {self._uri} is {values.type} and contains {error}; "
                "expected text or whole numbers"
            ) from error

    def kept(self, field: pa.Field) -> pa.Array:
        import pyarrow as pa

        values = self._values(field.name)
        try:
            return kept_values(values, field.type)
        except pa.ArrowException as error:
            raise RunRefused(
                f"images.table.keep: column {field.name!r} of {self._uri} is {values.type} and cannot become "
                f"{field.type} ({reason(error)}); write it as one type in all files, or leave it out"
            ) from error

    def _values(self, name: str) -> pa.Array:
        import pyarrow as pa

        if field_named(self._batch.schema, name) is None:
            return pa.array([self._partition[name]] * self._batch.num_rows, pa.string())
        return column_named(self._batch, name)
