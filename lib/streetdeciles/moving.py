"""Files and folders put in their place, and removed: in one step where the file system can, and never half."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from streetdeciles.disks import is_disk
from streetdeciles.uris import filesystem, is_local, join, local_path

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

RENAMING = ("hdfs", "webhdfs", "sftp", "ssh", "smb")
"""The protocols of remote file systems that rename a folder in one step."""

ATTEMPTS = 3
"""How often the removal of many objects is tried."""

BEING_WRITTEN = "0-being-written.parquet"
"""A file in a table that is not finished. It is not Parquet, and comes first in a list of the table's files."""

_EXPLAINED = b"This table is being written, or writing it was interrupted. Its files are not all of its rows.\n"


def remove(uri: str) -> None:
    """Remove the file or folder, if there is one. The current folder may be in it."""
    fs, path = filesystem(uri)
    if is_local(uri):  # fsspec refuses to remove the current folder
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)
    elif fs.exists(path):
        _remove_objects(fs, [path])


def _remove_objects(fs: AbstractFileSystem, paths: Sequence[str]) -> None:
    """Remove them, and all below; OSError if the store does not.

    A store may leave some of many objects, which s3fs does not report.
    """
    remaining = [*paths]
    for _ in range(ATTEMPTS):
        fs.rm(remaining, recursive=True)
        fs.invalidate_cache()
        if not (remaining := [path for path in remaining if fs.exists(path)]):
            return
    raise OSError(f"{fs.unstrip_protocol(remaining[0])}: the store does not remove it")


def sync(uri: str) -> None:
    """Wait until the file, or each file in the folder, is on the disk; object stores do so on every write."""
    if not is_local(uri):
        return
    path = Path(local_path(uri))
    for file in path.rglob("*") if path.is_dir() else [path]:
        _sync(file)
    if path.is_dir():
        _sync(path)


def sync_folder(uri: str) -> None:
    """Wait until the disk has the name of `uri` in its folder, so that a power failure does not undo a move."""
    if is_local(uri):
        _sync(Path(local_path(uri)).parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # some file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)


def upload(folder: Path, uri: str) -> None:
    """Copy the files in a local folder to `uri`. fsspec's own `put` would expand patterns in their names."""
    fs, target = filesystem(uri)
    for file in folder.rglob("*"):
        if file.is_file():
            path = f"{target}/{file.relative_to(folder).as_posix()}"
            fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            fs.put_file(str(file), path)


def renames(uri: str) -> bool:
    """Whether the file system behind it renames files; object stores copy them."""
    return is_local(uri) or uri.partition("://")[0] in RENAMING


def staging_uri(work_dir: str, name: str) -> str:
    """A new place for a table until it is finished and `replace` moves it; no reader looks there."""
    return join(work_dir, "_staging", f"{name}-{uuid4().hex}")


def replace(staged: str, uri: str) -> None:
    """Move the finished folder or file at `staged` to `uri`; on a disk, it then survives a power failure.

    On a disk, a folder that was there goes in one step, so that nobody lists some of its files.
    """
    fs, path = filesystem(uri)
    sync(staged)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    source, old = filesystem(staged)[1], f"{staged}.old"
    if is_local(uri) and Path(path).is_dir():
        with suppress(OSError):  # mounted object stores cannot rename folders
            Path(path).rename(filesystem(old)[1])
    remove(uri)
    try:
        Path(source).rename(path) if is_local(uri) else fs.mv(source, path, recursive=True)
    except OSError:  # mounted object stores cannot rename folders
        if not is_local(uri) or not Path(source).is_dir():
            raise
        upload(Path(source), uri)
        remove(staged)
    sync_folder(uri)
    remove(old)


def moves_folders(work_dir: str) -> bool:
    """Whether a folder there is moved in one step: on disks, and on file systems that rename. Object stores copy."""
    return is_disk(work_dir) if is_local(work_dir) else renames(work_dir)


@contextmanager
def new_folder(work_dir: str, *name: str) -> Iterator[str]:
    """Where to write the folder that takes the place of `<work_dir>/<name>` when the context is left without an error.

    Where folders are moved in one step, nobody sees it before it is whole. In an object store it is written where it
    stays, since a move would copy each file; the mark of its stage is then the list of the files that belong to it.
    """
    target = join(work_dir, *name)
    if not moves_folders(work_dir):
        remove(target)
        yield target
        return
    staged = staging_uri(work_dir, name[0])
    try:
        yield staged
        replace(staged, target)
    finally:
        remove(staged)


@contextmanager
def new_table(work_dir: str, *name: str) -> Iterator[str]:
    """`new_folder` for a table, whose writer appends Parquet files to the folder.

    In an object store, whoever reads the folder meanwhile gets an error instead of some of the rows: its first file is
    not Parquet. That file is there before an old one goes, until the last new one is written and `show_table` or
    leaving the context removes it; after an error it stays.
    """
    if moves_folders(work_dir):
        with new_folder(work_dir, *name) as uri:
            yield uri
        return
    target = join(work_dir, *name)
    fs, path = filesystem(target)
    fs.invalidate_cache()  # Spark writes there, past fsspec
    fs.makedirs(path, exist_ok=True)
    fs.pipe_file(f"{path}/{BEING_WRITTEN}", _EXPLAINED)
    new = (path, f"{path}/{BEING_WRITTEN}")
    if old := [file for file in fs.ls(path, detail=False) if file.rstrip("/") not in new]:
        _remove_objects(fs, old)
    yield target
    show_table(target)


def show_table(uri: str) -> None:
    """Let others read the table that `new_table` keeps from them, because its files are all written."""
    fs, path = filesystem(join(uri, BEING_WRITTEN))
    if fs.exists(path):
        fs.rm_file(path)
