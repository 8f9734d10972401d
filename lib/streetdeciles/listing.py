"""Listing the folder of photographs on the executors: each round lists the folders that the previous one found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from streetdeciles import storage
from streetdeciles.archives.members import MemberKind, list_members
from streetdeciles.archives.names import is_archive
from streetdeciles.errors import RunFailed, reason
from streetdeciles.inputs import version_in, version_of
from streetdeciles.session_settings import setting

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem
    from pyspark.sql import DataFrame, SparkSession

ENTRIES = (
    "path string, relative string, uri string, kind string, length bigint, member string, "
    "offset bigint, detail string, modified string"
)
ROWS_PER_BATCH = 10_000
DEFAULT_TASKS = 200

Kind = Literal["file", "folder", "archive", "not_a_file", "name_not_utf8", "folder_loop"] | MemberKind
"""Folders and archives are searched. Of the rest, all but files are left out: broken links and pipes, names that no
table can hold, links to a folder above, and members that are not taken from an archive."""


@dataclass(frozen=True)
class Entry:
    """A name in a folder, or a member of an archive.

    `relative` is the path below the folder of photographs, or within the archive.
    """

    path: str
    relative: str
    uri: str
    kind: Kind
    length: int | None
    """Bytes of a file, if the listing says."""
    member: str | None = None
    offset: int | None = None
    detail: str | None = None
    """Details about the kind."""
    modified: str | None = field(default=None, compare=False)
    """Text that changes when the file is replaced, if the listing has it: its time, its ETag, a checksum."""


def list_all(spark: SparkSession, folder: str, staged: str) -> DataFrame:
    """Every entry at any depth below `folder`, and the members of its archives (columns of ENTRIES).

    The rows are kept in Parquet files below `staged`.
    """
    root = storage.filesystem(folder)[1]
    most = max_tasks(spark)
    folders = spark.createDataFrame([(root,)], "path string")
    n_folders, level = 1, 0
    while n_folders:
        listed = storage.join(staged, f"level={level}")
        spread = folders.repartition(min(n_folders, most))
        spread.mapInArrow(partial(list_batches, folder=folder), ENTRIES).write.parquet(storage.spark_uri(listed))
        folders = storage.read_parquet(spark, listed, schema=ENTRIES).where("kind = 'folder'").select("path")
        n_folders, level = folders.count(), level + 1
    entries = storage.read_parquet(spark, staged, schema=ENTRIES).drop("level")
    archives = entries.where("kind = 'archive'").select("path", "uri")
    if n_archives := archives.count():
        spread = archives.repartition(min(n_archives, most))
        members = storage.spark_uri(storage.join(staged, "level=members"))
        spread.mapInArrow(member_batches, ENTRIES).write.parquet(members)
        entries = storage.read_parquet(spark, staged, schema=ENTRIES).drop("level")
    return entries


def max_tasks(spark: SparkSession) -> int:
    """The most tasks that list or read side by side: Spark's partitions of a shuffle, where they are a number."""
    partitions = setting(spark, "spark.sql.shuffle.partitions") or ""  # Databricks' may be `auto`
    return int(partitions) if partitions.isdecimal() else DEFAULT_TASKS


def list_batches(batches: Iterator[pa.RecordBatch], folder: str) -> Iterator[pa.RecordBatch]:
    """The entries of each folder in the column `path`, as batches of ENTRIES; `folder` is the folder of photographs."""
    for batch in batches:
        for path in batch.column("path").to_pylist():
            yield from _as_batches(list_folder(path, folder))


def member_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The members of each archive in the columns `path` and `uri`, as batches of ENTRIES."""
    for batch in batches:
        for path, uri in zip(batch.column("path").to_pylist(), batch.column("uri").to_pylist(), strict=True):
            yield from _as_batches(list_archive(path, uri))


def _as_batches(entries: Iterator[Entry]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    kinds = {"string": pa.string(), "bigint": pa.int64()}
    columns = [column.split(" ") for column in ENTRIES.split(", ")]
    while some := [*islice(entries, ROWS_PER_BATCH)]:
        arrays = [pa.array([getattr(entry, name) for entry in some], kinds[kind]) for name, kind in columns]
        yield pa.RecordBatch.from_arrays(arrays, [name for name, _ in columns])


def list_archive(path: str, uri: str) -> Iterator[Entry]:
    """The members of one archive. RunFailed if it cannot be read now, since its photographs would be missed."""
    try:
        modified = version_of(uri)
        for member in list_members(uri):
            name = (member.name or path).removeprefix("./")
            yield Entry(
                path,
                name,
                uri,
                member.kind,
                member.length,
                member.name,
                member.offset,
                member.detail,
                member.modified or modified,
            )
    except Exception as error:  # each file system raises its own kinds; an archive's own damage is a row
        raise RunFailed(f"{uri}: cannot be read ({reason(error)}); make sure that the workers may read it") from error


def list_folder(path: str, folder: str) -> Iterator[Entry]:
    """The entries of one folder, unordered. RunFailed if it cannot be listed, since its photographs would be missed."""
    fs, root = storage.filesystem(folder)
    start = len(root.rstrip("/")) + 1
    try:
        if storage.is_local(folder):
            yield from _local_entries(path, start)
        else:
            fs.invalidate_cache(path)
            yield from _remote_entries(fs, path, start)
    except Exception as error:  # each file system raises its own kinds, also for half a list
        why = (isinstance(error, OSError) and error.strerror) or reason(error, 300)
        raise RunFailed(f"{path}: cannot be listed ({why}); make sure that the workers may read it") from error


def _local_entries(path: str, start: int) -> Iterator[Entry]:
    """As a stream, because fsspec would hold a folder of millions in memory; linked folders count as folders."""
    with os.scandir(path) as entries:
        for entry in entries:
            try:
                entry.path.encode("utf-8")
            except UnicodeEncodeError:
                shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
                yield Entry(shown, shown[start:], shown, "name_not_utf8", None)
                continue
            kind: Kind = "not_a_file"
            if entry.is_dir():
                kind = "folder_loop" if entry.is_symlink() and _leads_up(entry.path) else "folder"
            elif entry.is_file():
                kind = "archive" if is_archive(entry.name) else "file"
            status = entry.stat() if kind == "file" else None
            length, modified = (status.st_size, str(status.st_mtime_ns)) if status else (None, None)
            yield Entry(entry.path, entry.path[start:], entry.path, kind, length, modified=modified)


def _leads_up(link: str) -> bool:
    """Whether the link leads to a folder that contains the link."""
    target = os.path.realpath(link)
    return any(os.path.realpath(parent) == target for parent in Path(link).parents)


def _remote_entries(fs: AbstractFileSystem, path: str, start: int) -> Iterator[Entry]:
    for info in fs.ls(path, detail=True):
        name = info["name"].rstrip("/")
        if name == path.rstrip("/"):
            continue  # object stores may hold an empty object that stands for the folder
        kinds: dict[str, Kind] = {"file": "file", "directory": "folder"}
        kind = kinds.get(info["type"], "not_a_file")
        if kind == "file" and is_archive(name):
            kind = "archive"
        length, modified = (info.get("size"), version_in(info)) if kind == "file" else (None, None)
        yield Entry(name, name[start:], fs.unstrip_protocol(name), kind, length, modified=modified)
