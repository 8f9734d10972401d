"""One run at a time in a work_dir: a lock file that names its owner, and that a dead owner does not hold."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from streetdeciles import storage
from streetdeciles.errors import RunRefused


@contextmanager
def locked(work_dir: str) -> Iterator[None]:
    """Hold `<work_dir>/run.lock`; RunRefused where a live run holds it, named by host, process and age.

    A run that was killed leaves its lock; on the same host that is seen and the lock is taken over.
    """
    uri = _uri(work_dir)
    owner = lock_owner(work_dir)
    if owner is not None:
        raise RunRefused(f"work_dir {work_dir} is in use by {owner}; wait for it, or remove {uri} if that run is gone")
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time(), "started": _started(os.getpid())}
    storage.write_json(uri, mine)
    try:
        yield
    finally:
        storage.remove(uri)


def lock_owner(work_dir: str) -> str | None:
    """Process, host and age of the run that works there now, as far as can be seen from here."""
    try:
        owner = storage.read_json(_uri(work_dir))
    except FileNotFoundError:
        return None
    if not _may_be_alive(owner):
        return None
    return f"process {owner['pid']} on {owner['host']} since {(time.time() - owner['since']) / 60:.0f} min"


def _uri(work_dir: str) -> str:
    return storage.join(work_dir, "run.lock")


def _may_be_alive(owner: dict[str, object]) -> bool:
    if owner["host"] != socket.gethostname():
        return True
    return _started(int(str(owner["pid"]))) == owner["started"]


def _started(pid: int) -> float | None:
    """When the process began; tells it from a later one that was given the same number."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None
