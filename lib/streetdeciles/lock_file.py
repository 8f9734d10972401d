"""The lock file of a work_dir, on a disk or in an object store: created by one run only, renewed, removed by its owner.

On a disk, also a shared one, it appears whole, in one step, by a hard link (`O_EXCL` where there are none), so of runs
that start together exactly one creates it. Runs of one machine take turns at looking at it and at removing it.

In an object store `conditional_writes` creates, renews, replaces and removes it: on S3 each in one step, so a run that
wakes up after another has taken its place changes nothing. An object store that is mounted as a folder (`disks`) is
treated like a store without conditions.
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
from streetdeciles.conditional_writes import create_object, read_object, remove_object, replace_object
from streetdeciles.disks import is_disk

WRITTEN_WITHIN_S = 10.0
"""How long a lock without readable content may belong to a run that is just writing it."""


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
        return create_object(self.uri, content) if path is None else _create_file(path, content)

    def read(self) -> bytes | None:
        return read_object(self.uri)

    def replace(self, judged: bytes, content: bytes) -> bool:
        """Whether this run's lock took the place of the one that was examined."""
        if self._path is None:
            return replace_object(self.uri, judged, content)
        self.remove(judged)
        return self.create(content)

    def remove(self, judged: bytes) -> None:
        """Remove the lock, unless another run has replaced the one that was examined."""
        if self._path is None:
            remove_object(self.uri, judged)
        elif self.read() == judged:
            self._path.unlink(missing_ok=True)

    def renew(self, held: bytes, content: bytes) -> None:
        """Show others that the owner lives. An object gets new content, because its time cannot be set."""
        if self._disk_path is None:
            replace_object(self.uri, held, content)
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
            return abs(_now_by(self._path.parent) - self._path.stat().st_mtime) < WRITTEN_WITHIN_S
        except FileNotFoundError:
            return False


def _now_by(folder: Path) -> float:
    """The time by the clock that gives the folder's files theirs: of a shared disk, its server's."""
    probe = folder / f"{uuid4().hex}{storage.UNFINISHED}"
    try:
        probe.touch(exist_ok=False)
    except OSError:  # it cannot be written
        return time.time()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


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
