"""The work_dir before a run: whether it can be written, and what killed runs have left in it."""

from __future__ import annotations

import errno
import logging
import shutil
from pathlib import Path
from uuid import uuid4

from streetdeciles import storage
from streetdeciles.errors import RunRefused, reason

LOGS = ("run_log", "features/_shards", "features/_failed")
"""Folders with single files, which are written one by one."""

logger = logging.getLogger(__name__)


def create_work_dir(work_dir: str) -> bool:
    """Create the work_dir if it does not exist; returns whether it is new.

    Raises:
        RunRefused: it cannot be looked up, or written.
        OSError: the disk is full.
    """
    probe = storage.join(work_dir, f"{uuid4().hex}{storage.UNFINISHED}")
    try:
        is_new = not storage.exists(work_dir)
        storage.write_bytes(probe, b"?")
        storage.remove(probe)
    except Exception as error:  # each kind of store has its own errors
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = (isinstance(error, OSError) and error.strerror) or reason(error, 200)
        raise RunRefused(
            f"work_dir {work_dir}: nothing can be written there ({why}); choose a folder that you may write to"
        ) from error
    return is_new


def sweep(work_dir: str) -> None:
    """Remove the unfinished files of killed runs; only for the run that holds the lock.

    `_staging` holds only what is made again from its start. What stages go on from is in `_cache`.
    """
    staging = storage.join(work_dir, "_staging")
    fs, path = storage.filesystem(staging)
    left = fs.du(path) if fs.exists(path) else 0
    storage.remove(staging)
    if left:
        logger.info("%s: removed %.1f MB that an earlier run had not finished", staging, left / 1e6)
    if storage.is_local(work_dir):
        for folder in LOGS:
            for unfinished in Path(storage.local_path(work_dir), folder).glob(f"*{storage.UNFINISHED}"):
                unfinished.unlink(missing_ok=True)


def free_space(path: str) -> str:
    """E.g. `/tmp has 0.0 of 50.0 GB free`; if the path does not exist, that of the folder around it."""
    existing = Path(path).absolute()
    while not existing.exists():
        existing = existing.parent
    usage = shutil.disk_usage(existing)
    return f"{path} has {usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free"
