"""Listing the folder of photographs, on the executors: each round lists the folders that the one before has found."""

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
from streetdeciles.errors import RunFailed
from streetdeciles.inputs import version_in, version_of

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem
    from pyspark.sql import DataFrame, SparkSession

ENTRIES = (
    "path string, relative string, uri string, kind string, length bigint, member string, "
    "offset bigint, detail string, modified string"
)
ROWS_PER_BATCH = 10_000

Kind = Literal["file", "folder", "archive", "not_a_file", "name_not_utf8", "folder_loop"] | MemberKind
"""Folders and archives are searched; all but files are left out: broken links and pipes, names that no table can hold,
links to a folder above, and what is not taken from an archive."""


@dataclass(frozen=True)
class Entry:
    """One name in a folder, or a member of an archive.

    `relative` is the path below the folder of photographs, or in the archive.
    """

    path: str
    relative: str
    uri: str
    kind: Kind
    length: int | None
    """Bytes of a file, where the listing tells."""
    member: str | None = None
    offset: int | None = None
    detail: str | None = None
    """What more there is to say of the kind."""
    modified: str | None = field(default=None, compare=False)
    """What shows that the file has been replaced, where the listing says it: its time, its ETag, a checksum."""


def list_all(spark: SparkSession, folder: str, staged: str) -> DataFrame:
    """Every entry at any depth below `folder` (columns of ENTRIES), kept in Parquet files below `staged`.

    Behind each archive come its members.
    """
    root = storage.filesystem(folder)[1]
    at_most = int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
    folders = spark.createDataFrame([(root,)], "path string")
    n_folders, level = 1, 0
    while n_folders:
        found_at = storage.join(staged, f"level={level}")
        spread = folders.repartition(min(n_folders, at_most))
        spread.mapInArrow(partial(list_batches, folder=folder), ENTRIES).write.parquet(storage.spark_uri(found_at))
        folders = storage.read_parquet(spark, found_at, schema=ENTRIES).where("kind = 'folder'").select("path")
        n_folders, level = folders.count(), level + 1
    found = storage.read_parquet(spark, staged, schema=ENTRIES).drop("level")
    archives = found.where("kind = 'archive'").select("path", "uri")
    if n_archives := archives.count():
        spread = archives.repartition(min(n_archives, at_most))
        members_at = storage.spark_uri(storage.join(staged, "level=members"))
        spread.mapInArrow(member_batches, ENTRIES).write.parquet(members_at)
        found = storage.read_parquet(spark, staged, schema=ENTRIES).drop("level")
    return found


def list_batches(batches: Iterator[pa.RecordBatch], folder: str) -> Iterator[pa.RecordBatch]:
    """What is in each folder of the column `path`, as batches of ENTRIES; `folder` is the one of all photographs."""
    for batch in batches:
        for path in batch.column("path").to_pylist():
            yield from _as_batches(list_folder(path, folder))


def member_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What is in each archive of the columns `path` and `uri`, as batches of ENTRIES."""
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
    """The members of one archive. RunFailed where it cannot be read now: its photographs would be missed."""
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
        why = " ".join(str(error).split()) or type(error).__name__
        raise RunFailed(f"{uri}: cannot be read ({why}); make sure that the workers may read it") from error


def list_folder(path: str, folder: str) -> Iterator[Entry]:
    """The entries of one folder, in no order. RunFailed where it cannot be listed: its photographs would be missed."""
    fs, root = storage.filesystem(folder)
    start = len(root.rstrip("/")) + 1
    try:
        if storage.is_local(folder):
            yield from _local_entries(path, start)
        else:
            fs.invalidate_cache(path)
            yield from _remote_entries(fs, path, start)
    except OSError as error:
        why = error.strerror or error
        raise RunFailed(f"{path}: cannot be listed ({why}); make sure that the workers may read it") from error


def _local_entries(path: str, start: int) -> Iterator[Entry]:
    """One by one, where fsspec would hold a folder of millions in memory; and linked folders as folders."""
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
    """Whether the linked folder is one of those through which the way to the link leads."""
    target = os.path.realpath(link)
    return any(os.path.realpath(parent) == target for parent in Path(link).parents)


def _remote_entries(fs: AbstractFileSystem, path: str, start: int) -> Iterator[Entry]:
    for there in fs.ls(path, detail=True):
        name = there["name"].rstrip("/")
        if name == path.rstrip("/"):
            continue  # object stores may hold an empty object that stands for the folder
        kinds: dict[str, Kind] = {"file": "file", "directory": "folder"}
        kind = kinds.get(there["type"], "not_a_file")
        if kind == "file" and is_archive(name):
            kind = "archive"
        length, modified = (there.get("size"), version_in(there)) if kind == "file" else (None, None)
        yield Entry(name, name[start:], fs.unstrip_protocol(name), kind, length, modified=modified)
