"""One run at a time in a work_dir: a lock file that names its owner, and that a dead owner does not hold.

On a disk, also a shared one, the lock appears whole, in one step, by a hard link (`O_EXCL` where there are none), so of
runs that start together exactly one gets in. Runs of one machine take turns at looking at the lock and at removing it;
that makes taking over a dead owner's lock as safe, because only the owner's machine can tell that it is dead.

An object store creates the lock by fsspec's mode `xb`, which S3 and Google Cloud Storage refuse where the object
exists. A store that lacks this mode is written to and read again after a moment: the last writer wins, the others are
refused. Removal there is a check and then a removal, in two steps.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.process_identity import ProcessIdentity, this_process
from streetdeciles.stopping import at_the_end
from streetdeciles.work_dir import sweep

VERIFY_AFTER_S = 2.0
WRITTEN_WITHIN_S = 10.0
"""For so many seconds, a lock without readable content may belong to a run that is just writing it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """The content of the lock file."""

    process: ProcessIdentity
    token: str
    """Another one each time that the lock is taken."""
    since: float
    """Seconds since 1970, for people; nothing depends on it."""

    def __str__(self) -> str:
        minutes = max(0.0, time.time() - self.since) / 60
        return f"process {self.process.pid} on {self.process.host} since {minutes:.0f} min"

    def to_json(self) -> bytes:
        return json.dumps({**asdict(self.process), "token": self.token, "since": self.since}, indent=1).encode()


@dataclass(frozen=True)
class _Hold:
    token: str
    since: float


@contextmanager
def locked(work_dir: str) -> Iterator[None]:
    """Hold `<work_dir>/run.lock`; RunRefused if a live run holds it, named by host, process and age.

    What runs before this one have not finished is removed (`work_dir.sweep`).

    A run that was killed leaves its lock; on the same host that is noticed and the lock is taken over.
    """
    owner = Owner(this_process(), uuid4().hex, time.time())
    _take(work_dir, owner)
    try:
        with at_the_end(lambda: _give_back(work_dir, owner)):
            sweep(work_dir)
            yield
    finally:
        _give_back(work_dir, owner)


def lock_owner(work_dir: str) -> str | None:
    """Process, host and age of the run that is at work in the work_dir, as far as this machine can see."""
    uri = _uri(work_dir)
    content = _read(uri)
    if content is None:
        return None
    owner = _parse(content)
    if owner is None:
        return f"an unknown run ({uri} is empty or damaged)" if _may_be_half_written(uri) else None
    return str(owner) if owner.process.may_be_alive() else None


def _take(work_dir: str, owner: Owner) -> None:
    uri = _uri(work_dir)
    fs, path = storage.filesystem(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    content = owner.to_json()
    with _alone_on_this_machine(work_dir):
        if _create(uri, content):
            return
        if other := lock_owner(work_dir):
            raise RunRefused(
                f"work_dir {work_dir} is in use by {other}; wait for it, or remove {uri} if that run is gone"
            )
        left = _read(uri)
        if left is not None and _parse(left) is None:
            logger.warning("%s is empty or damaged, so no run holds it; replaced it", uri)
        _remove(uri, left)
        if not _create(uri, content):
            raise RunRefused(f"work_dir {work_dir} was just taken by {lock_owner(work_dir) or 'another run'}")


def _give_back(work_dir: str, owner: Owner) -> None:
    uri = _uri(work_dir)
    with _alone_on_this_machine(work_dir):
        content = _read(uri)
        now = _parse(content) if content is not None else None
        if now is not None and now.token == owner.token:
            _remove(uri, content)
        else:
            logger.warning(
                "%s is no longer the lock of this run (%s), so it is not removed", uri, now or "missing or damaged"
            )


def _uri(work_dir: str) -> str:
    return storage.join(work_dir, "run.lock")


def _local(uri: str) -> Path | None:
    return Path(storage.local_path(uri)) if storage.is_local(uri) else None


@contextmanager
def _alone_on_this_machine(work_dir: str) -> Iterator[None]:
    """Let only one run at a time examine the lock; where a file system or store cannot, creating it decides."""
    folder = _local(work_dir)
    if folder is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # removed, with the lock in it
        yield
        return
    try:
        with suppress(OSError):  # NFS locks no folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(uri: str, content: bytes) -> bool:
    """Whether this run created the lock; False if there is one already."""
    path = _local(uri)
    return _create_object(uri, content) if path is None else _create_file(path, content)


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
    except FileExistsError:
        return False
    except (NotImplementedError, ValueError):
        fs.pipe_file(path, content)
        time.sleep(VERIFY_AFTER_S)
        return _read(uri) == content
    return True


def _remove(uri: str, judged: bytes | None) -> None:
    """Remove the lock, unless another run has replaced the one that was examined."""
    if judged is not None and _read(uri) == judged:
        with suppress(FileNotFoundError):
            path = _local(uri)
            if path is None:
                storage.remove(uri)
            else:
                path.unlink()


def _read(uri: str) -> bytes | None:
    try:
        return storage.read_bytes(uri)
    except FileNotFoundError:
        return None


def _parse(content: bytes) -> Owner | None:
    try:
        hold = _HOLD.validate_json(content)
        return Owner(_PROCESS.validate_json(content), hold.token, hold.since)
    except ValidationError:
        return None


def _may_be_half_written(uri: str) -> bool:
    """Whether a run may be writing the lock just now: it changed within the last seconds, or is in an object store."""
    path = _local(uri)
    if path is None:
        return True
    try:
        return abs(time.time() - path.stat().st_mtime) < WRITTEN_WITHIN_S
    except FileNotFoundError:
        return False


_PROCESS: TypeAdapter[ProcessIdentity] = TypeAdapter(ProcessIdentity)
_HOLD: TypeAdapter[_Hold] = TypeAdapter(_Hold)
