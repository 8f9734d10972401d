"""A sample of the photographs' names or rows, checked before a run: their locations and views by the config."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.archives.names import PARQUET
from streetdeciles.archives.parquet import open_parquet
from streetdeciles.config import ImagesConfig, ImageTable
from streetdeciles.config.images import MAX_VIEWS
from streetdeciles.errors import RunRefused
from streetdeciles.images.delta import is_delta
from streetdeciles.images.pattern import name_batches
from streetdeciles.images.table import ROWS, row_batches
from streetdeciles.images.table_columns import unfit_column
from streetdeciles.images.table_files import hive_partition, reading
from streetdeciles.images.views import view_batches
from streetdeciles.listing import list_archive, list_folder
from streetdeciles.table import column_names

if TYPE_CHECKING:
    import pyarrow as pa

MAX_NAMES = 500
"""Names of files, or rows of a table, in a sample."""
MAX_NAMES_PER_FOLDER = 100
"""Limit for one folder or archive, so that several are in the sample."""
MAX_SECONDS = 5.0


@dataclass(frozen=True)
class Sample:
    """How the config reads some names of files, or rows of a table."""

    n: int
    n_kept: int
    n_other_views: int
    """Left out for their view."""
    views: tuple[str, ...]
    """Names of views, the most frequent first."""
    location_ids: frozenset[str]
    """Locations of the photographs that are kept."""
    example: str
    """A name or row that is not kept."""
    is_whole: bool
    """Whether the sample is the whole source."""


def sample_images(images: ImagesConfig) -> Sample | None:
    """A sample within seconds; None for a source that is not local, for a Delta table, or if the first file is empty.

    Raises:
        RunRefused: the table lacks a column, or has one of an unfit type.
    """
    import pyarrow as pa

    source = images.table.file if images.table else images.folder or ""
    if not storage.is_local(source):
        return None
    if images.table is not None:
        first_rows = _first_rows(images.table)
        if first_rows is None:
            return None
        rows, is_whole = first_rows
        (named,) = view_batches([rows], images)
        return _sample(named, "id", is_whole)
    names, is_whole = _first_names(source)
    (named,) = name_batches([pa.record_batch([pa.array(names, pa.string())], ["relative"])], images)
    return _sample(named, "relative", is_whole)


def _sample(named: pa.RecordBatch, name: str, is_whole: bool) -> Sample:
    rows = named.to_pylist()
    kept = [row for row in rows if row["location_id"] and row["view"] is not None]
    other_views = [row for row in rows if row["view"] is None and row["view_name"]]
    views = Counter(row["view_name"] for row in rows if row["view_name"])
    return Sample(
        n=len(rows),
        n_kept=len(kept),
        n_other_views=len(other_views),
        views=tuple(name for name, _ in views.most_common(MAX_VIEWS + 1)),
        location_ids=frozenset(row["location_id"] for row in kept),
        example=min((row[name] for row in rows if row not in kept), default=""),
        is_whole=is_whole,
    )


def _first_names(folder: str) -> tuple[list[str], bool]:
    """(paths of files and members of archives below the local folder, whether these are all)."""
    fs, root = storage.filesystem(folder)
    end = time.monotonic() + MAX_SECONDS
    waiting, names, is_whole = deque([root]), list[str](), True
    while waiting:
        path = waiting.popleft()
        for number, (name, inner) in enumerate(_names_in(path, folder)):
            if len(names) >= MAX_NAMES or time.monotonic() > end:
                return names, False
            if number >= MAX_NAMES_PER_FOLDER:
                is_whole = False
                break
            if inner:
                waiting.append(inner)
            else:
                names.append(name)
    return names, is_whole


def _names_in(path: str, folder: str) -> Iterator[tuple[str, str]]:
    """(path of a file, '') and ('', folder or archive to search) in a folder or archive."""
    is_folder = storage.filesystem(folder)[0].isdir(path)
    for entry in list_folder(path, folder) if is_folder else list_archive(path, path):
        if entry.kind in ("folder", "archive"):
            yield "", entry.path
        elif entry.kind == "file":
            yield entry.relative, ""


def _first_rows(table: ImageTable) -> tuple[pa.RecordBatch, bool] | None:
    """(rows of the table's first file, as from `row_batches`; whether these are all).

    None for a Delta table, and where the first of several files has no rows.
    """
    import pyarrow as pa

    fs, root = storage.filesystem(table.file)
    files = [table.file]
    if fs.isdir(root):
        if is_delta(table.file):
            return None
        files = [*islice(_parquet_files(table.file, root), 2)]
    if not files or not PARQUET.fullmatch(files[0]):
        raise RunRefused(f"images.table.path: {table.file} has no file whose name ends with .parquet")
    uri, partition = files[0], hive_partition(files[0][len(root) :])
    with reading(uri), open_parquet(uri) as file:
        problem = unfit_column(uri, file.schema_arrow, table, partition)
    if problem:
        raise RunRefused(problem)
    kind = pa.map_(pa.string(), pa.string())
    file_row = pa.record_batch([pa.array([uri]), pa.array([[*partition.items()]], kind)], ["uri", "partition"])
    rows = next(row_batches([file_row], table, pa.schema([])), None)
    if rows is None:
        names = column_names(ROWS)
        rows = pa.record_batch([pa.array([], pa.string())] * len(names), names)
        return (rows, True) if len(files) == 1 else None
    return rows.slice(0, MAX_NAMES), len(files) == 1 and rows.num_rows < MAX_NAMES


def _parquet_files(folder: str, root: str) -> Iterator[str]:
    waiting = deque([root])
    while waiting:
        for entry in list_folder(waiting.popleft(), folder):
            is_hidden = entry.path.rsplit("/", 1)[1].startswith((".", "_"))
            if entry.kind == "folder" and (not is_hidden or "=" in entry.path.rsplit("/", 1)[1]):
                waiting.append(entry.path)
            elif entry.kind == "file" and not is_hidden and PARQUET.fullmatch(entry.path):
                yield entry.path
