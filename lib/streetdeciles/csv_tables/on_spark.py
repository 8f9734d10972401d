"""A CSV table as a Spark frame: parsed on the executors, large files by several tasks; the driver holds no rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from streetdeciles.csv_tables.columns import MALFORMED
from streetdeciles.csv_tables.spans import (
    RANGE_BYTES,
    ByteRange,
    Span,
    byte_ranges,
    is_split,
    scan,
    span_tables,
    spans,
    whole,
)
from streetdeciles.csv_tables.structure import RangeScan
from streetdeciles.csv_tables.table import CsvFile, CsvTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_BATCH = 8192
COMPRESSED_WEIGHT = 8
"""Assumed size of a compressed file's content, in sizes of the file."""


def spark_rows(
    spark: SparkSession, table: CsvTable, columns: Sequence[str], *, range_bytes: int = RANGE_BYTES
) -> DataFrame:
    """The rows of the table as strings: `columns`, null if the header has no such column, and `malformed`.

    `malformed` is null, or says which row has how many fields, and quotes it. The missing fields of a short row are
    null. A file of one range needs no Spark job; a larger one needs a job that finds its records. The task that reads
    a damaged row raises RunRefused; stray and unclosed quotes in a large file are refused here.
    """
    tasks = _tasks(_spans(spark, table.files, range_bytes), range_bytes)
    schema = ", ".join(f"`{name}` string" for name in [*columns, MALFORMED])
    read = partial(_read, tasks=tasks, table=table, columns=tuple(columns))
    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, schema)


def _spans(spark: SparkSession, files: Sequence[CsvFile], range_bytes: int) -> list[Span]:
    large = {file.uri: byte_ranges(file, range_bytes) for file in files if is_split(file, range_bytes)}
    parts = [part for ranges in large.values() for part in ranges]
    scans = iter(_scan_all(spark, parts))
    all_spans: list[Span] = []
    for file in files:
        all_spans += spans(file, [*islice(scans, len(large[file.uri]))]) if file.uri in large else [whole(file)]
    return all_spans


def _scan_all(spark: SparkSession, parts: list[ByteRange]) -> list[tuple[RangeScan, RangeScan]]:
    if not parts:
        return []
    schema = "part long, inside boolean, " + ", ".join(
        f"{name} {'boolean' if name == 'ends_inside' else 'long'}" for name in RangeScan._fields
    )
    rows = spark.range(0, len(parts), 1, len(parts)).mapInArrow(partial(_scan, parts=parts), schema).collect()
    scans = {(row["part"], row["inside"]): RangeScan(*row[2:]) for row in rows}
    return [(scans[number, False], scans[number, True]) for number in range(len(parts))]


def _scan(batches: Iterator[pa.RecordBatch], parts: list[ByteRange]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        for number in batch.column(0).to_pylist():
            states = [(False, True), *zip(*scan(parts[number]), strict=True)]
            names = ["part", "inside", *RangeScan._fields]
            yield pa.RecordBatch.from_arrays([pa.array(column) for column in [(number, number), *states]], names)


def _tasks(all_spans: list[Span], range_bytes: int) -> list[list[Span]]:
    """The spans of each task, in order; small files share a task."""
    tasks: list[list[Span]] = []
    room = 0
    for span in all_spans:
        size = (span.end - span.start) * (1 if span.file.format.compression is None else COMPRESSED_WEIGHT)
        if not tasks or size > room:
            tasks.append([])
            room = range_bytes
        tasks[-1].append(span)
        room -= size
    return tasks


def _read(
    batches: Iterator[pa.RecordBatch], tasks: list[list[Span]], table: CsvTable, columns: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for number in batch.column(0).to_pylist():
            for span in tasks[number]:
                for rows in span_tables(span, table, columns):
                    yield from rows.to_batches(ROWS_PER_BATCH)
