"""The lock file of a work_dir, on a disk or in an object store: created by one run only, renewed, removed by its owner.

On a disk, also a shared one, it appears whole, in one step, by a hard link (`O_EXCL` where there are none), so of runs
that start together exactly one creates it. Runs of one machine take turns at looking at it and at removing it.

An object store creates it by fsspec's mode `xb`, which S3 and Google Cloud Storage refuse where the object exists. A
store that lacks this mode is written to and read again after a moment: the last writer wins, the others are refused.
Removal and renewal there are a check and then a change, in two steps. An object store that is mounted as a folder
(`disks`) is treated like one without this mode.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from streetdeciles import storage
from streetdeciles.disks import is_disk

VERIFY_AFTER_S = 2.0
WRITTEN_WITHIN_S = 10.0
"""For so many seconds, a lock without readable content may belong to a run that is just writing it."""


@dataclass(frozen=True)
class LockFile:
    """`<work_dir>/run.lock`."""

    work_dir: str

    @property
    def uri(self) -> str:
        return storage.join(self.work_dir, "run.lock")

    @property
    def _path(self) -> Path | None:
        return Path(storage.local_path(self.uri)) if storage.is_local(self.uri) else None

    def prepare(self) -> None:
        """Make the folder."""
        fs, path = storage.filesystem(self.uri)
        fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)

    @contextmanager
    def alone_on_this_machine(self) -> Iterator[None]:
        """Let only one run at a time examine the lock; where a file system or store cannot, creating it decides."""
        if self._path is None:
            yield
            return
        try:
            descriptor = os.open(self._path.parent, os.O_RDONLY)
        except FileNotFoundError:  # removed, with the lock in it
            yield
            return
        try:
            with suppress(OSError):  # NFS locks no folders
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @property
    def _disk_path(self) -> Path | None:
        """The path, if it is on a disk, where files can be linked and have a time."""
        return self._path if is_disk(self.work_dir) else None

    def create(self, content: bytes) -> bool:
        """Whether this run created the lock; False if there is one already."""
        path = self._disk_path
        return _create_object(self.uri, content) if path is None else _create_file(path, content)

    def read(self) -> bytes | None:
        try:
            return storage.read_bytes(self.uri)
        except FileNotFoundError:
            return None

    def remove(self, judged: bytes | None) -> None:
        """Remove the lock, unless another run has replaced the one that was examined."""
        if judged is not None and self.read() == judged:
            with suppress(FileNotFoundError):
                if self._path is None:
                    storage.remove(self.uri)
                else:
                    self._path.unlink()

    def renew(self, content: bytes) -> None:
        """Show others that the owner lives. An object gets new content, because its time cannot be set."""
        if self._disk_path is None:
            fs, path = storage.filesystem(self.uri)
            fs.pipe_file(path, content)
        else:
            os.utime(self._disk_path)

    def state(self) -> tuple[bytes | None, object]:
        """Content and time of the last change: equal where nobody has renewed the lock in between."""
        if self._path is not None:
            try:
                return self.read(), self._path.stat().st_mtime_ns
            except FileNotFoundError:
                return None, None
        return self.read(), None

    def may_be_half_written(self) -> bool:
        """Whether a run may be writing it just now: it changed within the last seconds, or is in an object store."""
        if self._path is None:
            return True
        try:
            return abs(time.time() - self._path.stat().st_mtime) < WRITTEN_WITHIN_S
        except FileNotFoundError:
            return False


def _create_file(path: Path, content: bytes) -> bool:
    whole = path.with_name(f"{path.name}.{uuid4().hex}.unfinished")
    _write_new(whole, content)
    try:
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError:  # no hard links here
        try:
            _write_new(path, content)
        except FileExistsError:
            return False
    finally:
        whole.unlink()
    return True


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _create_object(uri: str, content: bytes) -> bool:
    fs, path = storage.filesystem(uri)
    fs.invalidate_cache()
    if fs.exists(path):
        return False
    try:
        with fs.open(path, "xb") as file:
            file.write(content)
        if not storage.is_local(uri):
            return True
    except FileExistsError:
        return False
    except (NotImplementedError, ValueError):
        fs.pipe_file(path, content)
    time.sleep(VERIFY_AFTER_S)
    return storage.read_bytes(uri) == content
