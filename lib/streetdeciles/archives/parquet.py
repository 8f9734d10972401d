"""Photographs in a binary column of a Parquet file, read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from streetdeciles.archives.damage import ArchiveDamaged, MemberTooLarge
from streetdeciles.archives.opening import opened

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS_PER_BATCH = 16
BUFFER_BYTES = 1024 * 1024
"""Columns are read through a buffer of this size; else a whole row group would be in memory at once, and not a page."""


@contextmanager
def open_parquet(uri: str) -> Iterator[pq.ParquetFile]:
    with opened(uri) as file:
        yield parquet_file(file)


def parquet_file(file: IO[bytes]) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    # Spark's own time stamps (INT96) reach further than 64 bits of nanoseconds do.
    return pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False, coerce_int96_timestamp_unit="us")


def field_named(schema: pa.Schema, name: str) -> pa.Field | None:
    """The column `name`, or of `a.b` the field b in the struct a; None where there is none."""
    if name in schema.names:
        return schema.field(name)
    import pyarrow as pa

    outer, dot, inner = name.partition(".")
    if not dot or outer not in schema.names or not pa.types.is_struct(schema.field(outer).type):
        return None
    return field_named(pa.schema([*schema.field(outer).type]), inner)


def column_named(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The values of `field_named`, without dictionary or extension type; null as well where a struct around them is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name in batch.schema.names:
        column = batch.column(batch.schema.get_field_index(name))
    else:
        outer, _, inner = name.partition(".")
        within = batch.column(batch.schema.get_field_index(outer))
        column = pc.struct_field(within, inner.split("."))
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


class ParquetRows:
    """The values of one column; rows are asked for by their number, and cost least in their order."""

    def __init__(self, file: IO[bytes]) -> None:
        with _damage_told():
            self._file = parquet_file(file)
        self._starts = [0]
        for group in range(self._file.num_row_groups):
            self._starts.append(self._starts[-1] + self._file.metadata.row_group(group).num_rows)
        self._group = -1
        self._column = ""
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._batch: pa.RecordBatch | None = None
        self._first = 0
        """Number of the batch's first row."""
        self._damage: dict[tuple[int, str], tuple[int, str]] = {}
        """By row group and column the first row that cannot be read, and why."""

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
        """Make `_batch` the one with the row; only what lies between is read, and row groups without it are not."""
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
        """Behind damage Arrow would go on with rows of which nobody knows the number, so all behind it are lost."""
        self._batch = None
        try:
            with _damage_told():
                self._batch = next(self._batches)
        except ArchiveDamaged as error:
            self._damage[self._group, self._column] = (self._first, str(error))
            raise


@contextmanager
def _damage_told() -> Iterator[None]:
    """Arrow's own errors say what is wrong with the file; those of a disk or a network have a number or a name."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, StopIteration) as error:
        raise ArchiveDamaged(" ".join(str(error).split())[:200] or "fewer rows than its footer says") from error
    except OSError as error:
        if type(error) is OSError and error.errno is None:  # Arrow's for pages that cannot be decompressed
            raise ArchiveDamaged(" ".join(str(error).split())[:200]) from error
        raise
