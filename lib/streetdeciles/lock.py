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
    uri = storage.join(work_dir, "run.lock")
    if storage.exists(uri):
        owner = storage.read_json(uri)
        if _may_be_alive(owner):
            minutes = (time.time() - owner["since"]) / 60
            raise RunRefused(
                f"work_dir {work_dir} is in use by process {owner['pid']} on {owner['host']} since {minutes:.0f} min; "
                f"wait for it, or remove {uri} if that run is gone"
            )
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time(), "started": _started(os.getpid())}
    storage.write_json(uri, mine)
    try:
        yield
    finally:
        storage.remove(uri)


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
