"""Writes tables of literal rows without Spark, for a stage under test to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streetdeciles.table import Table


def write_rows(table: Table, rows: Sequence[tuple[Any, ...]], work_dir: Path) -> None:
    """Write `rows`, with values in the order of the table's columns, to one file; columns that they lack are null."""
    schema = table.arrow_schema()
    whole = [(*row, *[None] * (len(schema) - len(row))) for row in rows]
    columns = list(zip(*whole, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    (work_dir / table.name).mkdir()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), work_dir / table.name / "part-0.parquet")
