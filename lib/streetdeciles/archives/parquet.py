"""Photographs in a binary column of a Parquet file, read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from streetdeciles.archives.damage import ArchiveDamaged, MemberTooLarge
from streetdeciles.archives.opening import opened
from streetdeciles.errors import reason

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS_PER_BATCH = 16
BUFFER_BYTES = 1024 * 1024
"""Columns are read through a buffer of this size, so that a page is in memory and not a whole row group."""


@contextmanager
def open_parquet(uri: str) -> Iterator[pq.ParquetFile]:
    with opened(uri) as file:
        yield parquet_file(file)


def parquet_file(file: IO[bytes]) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    # Spark's own time stamps (INT96) have a wider range than 64 bits of nanoseconds.
    return pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False, coerce_int96_timestamp_unit="us")


def field_named(schema: pa.Schema, name: str) -> pa.Field | None:
    """The column `name`; for `a.b` also the field b of the struct a. None if the schema has neither."""
    if name in schema.names:
        return schema.field(name)
    import pyarrow as pa

    outer, dot, inner = name.partition(".")
    if not dot or outer not in schema.names or not pa.types.is_struct(schema.field(outer).type):
        return None
    return field_named(pa.schema([*schema.field(outer).type]), inner)


def column_named(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The values of `field_named`, without dictionary or extension type; null if a struct around them is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name in batch.schema.names:
        column = batch.column(batch.schema.get_field_index(name))
    else:
        outer, _, inner = name.partition(".")
        struct = batch.column(batch.schema.get_field_index(outer))
        column = pc.struct_field(struct, inner.split("."))
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


class ParquetRows:
    """The values of one column by the number of their row; reading rows in order is cheapest."""

    def __init__(self, file: IO[bytes]) -> None:
        with _as_archive_damaged():
            self._file = parquet_file(file)
        self._starts = [0]
        for group in range(self._file.num_row_groups):
            self._starts.append(self._starts[-1] + self._file.metadata.row_group(group).num_rows)
        self._group = -1
        self._column = ""
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._batch: pa.RecordBatch | None = None
        self._first = 0
        """Number of the first row in `_batch`."""
        self._damage: dict[tuple[int, str], tuple[int, str]] = {}
        """(row group, column) -> (first row that cannot be read, why)."""

    def may_read(self, offset: int | None) -> bool:
        return True

    def read(self, member: str, offset: int | None, length: int | None, max_bytes: int) -> bytes:
        row = offset or 0
        if not 0 <= row < self._starts[-1] or field_named(self._file.schema_arrow, member) is None:
            raise ArchiveDamaged("the row was in the index, and is gone")
        self._go_to(member, row)
        assert self._batch is not None
        value = column_named(self._batch, member)[row - self._first].as_buffer()
        if value is None:
            return b""
        if value.size > max_bytes:
            raise MemberTooLarge
        return bytes(value)

    def _go_to(self, column: str, row: int) -> None:
        """Make `_batch` the one that holds the row; other row groups are not read."""
        group = next(group for group, end in enumerate(self._starts[1:]) if row < end)
        from_row, why = self._damage.get((group, column), (self._starts[-1], ""))
        if row >= from_row:
            raise ArchiveDamaged(why)
        if group != self._group or column != self._column or self._batch is None or row < self._first:
            self._batches = self._file.iter_batches(
                ROWS_PER_BATCH, row_groups=[group], columns=[column], use_threads=False
            )
            self._group, self._column, self._batch = group, column, None
            self._first = self._starts[group]
            self._next_batch()
        while self._batch is not None and row >= self._first + self._batch.num_rows:
            self._first += self._batch.num_rows
            self._next_batch()

    def _next_batch(self) -> None:
        """Rows after damage are lost: Arrow would continue with rows whose numbers nobody knows."""
        self._batch = None
        try:
            with _as_archive_damaged():
                self._batch = next(self._batches)
        except ArchiveDamaged as error:
            self._damage[self._group, self._column] = (self._first, str(error))
            raise


@contextmanager
def _as_archive_damaged() -> Iterator[None]:
    """Arrow's own errors concern the file; those of a disk or a network have an error number or a type of their own."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, StopIteration) as error:
        raise ArchiveDamaged(reason(error, 200) if str(error) else "fewer rows than its footer says") from error
    except OSError as error:
        if type(error) is OSError and error.errno is None:  # Arrow's error for pages that cannot be decompressed
            raise ArchiveDamaged(reason(error, 200)) from error
        raise
