"""The files of shards in the tables features and rejects, as they are on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from io import BytesIO

from streetdeciles import storage
from streetdeciles.manifests import find_files
from streetdeciles.table import Table
from streetdeciles.tables import FEATURES, REJECTS

NO_ROWS = "no_rows.parquet"
"""The file of a table that has no other, so that every reader finds its columns."""


def files_by_shard(work_dir: str) -> dict[int | None, dict[str, int]]:
    """Path below the work_dir and size of each shard's files; under None files in the tables that belong to none."""
    files: dict[int | None, dict[str, int]] = {}
    for path, size in find_files(work_dir, [FEATURES.name, REJECTS.name]).items():
        parts = path.split("/")
        if parts[1].startswith("_") or parts[-1] == NO_ROWS:
            continue
        files.setdefault(_shard(parts[1]) if len(parts) > 2 else None, {})[path] = size
    return files


def _shard(folder: str) -> int | None:
    number = folder.removeprefix("shard=")
    return int(number) if number.isdecimal() and folder == f"shard={int(number)}" else None


def count_rows(work_dir: str, paths: Iterable[str]) -> tuple[int, int]:
    """(features, rejects) in these files, from their footers; (-1, -1) where one cannot be read as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = Counter({FEATURES.name: 0, REJECTS.name: 0})
    for path in paths:
        fs, absolute = storage.filesystem(storage.join(work_dir, path))
        try:
            with fs.open(absolute, "rb") as file:
                rows[path.split("/")[0]] += pq.ParquetFile(file).metadata.num_rows
        except (pa.ArrowException, OSError):
            return -1, -1
    return rows[FEATURES.name], rows[REJECTS.name]


def shard_folders(table: Table, work_dir: str) -> set[int]:
    """Numbers of the shards that have a folder in the table."""
    names = storage.names_in(storage.join(work_dir, table.name), prefix="shard=")
    return {int(name.removeprefix("shard=")) for name in names if name.removeprefix("shard=").isdigit()}


def leave_no_table_without_files(work_dir: str, shard: int) -> None:
    """Write an empty file, as if of that shard, for a table without rows, so that every reader finds its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for table in (FEATURES, REJECTS):
        if shard_folders(table, work_dir):
            continue
        (partition,) = table.partitioned_by
        schema = pa.schema([column for column in table.arrow_schema() if column.name != partition])
        file = BytesIO()
        pq.write_table(schema.empty_table(), file)
        uri = storage.join(work_dir, table.name, f"{partition}={shard}", NO_ROWS)
        storage.write_bytes(uri, file.getvalue())
