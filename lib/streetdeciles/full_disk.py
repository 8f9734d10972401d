"""The error of a full disk, whether Python, Spark, HDF5 or Petastorm meets it: which paths, and how much is free."""

from __future__ import annotations

import errno
import os
import re
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.work_dir import free_space

FULL = (errno.ENOSPC, errno.EDQUOT)
SAID = re.compile(r"No space left on device|Disk quota exceeded|errno = (?:28|122)\b|not enough space", re.IGNORECASE)
ON_EXECUTOR = re.compile(r"\(TID \d+\) \((?P<host>\S+) executor (?P<number>\d+)\)")
"""How Spark names the place of a task that failed, where that is not the driver."""

TOO_LARGE = re.compile(r"File too large|errno = 27\b")


@contextmanager
def full_disk_explained(work_dir: str) -> Iterator[None]:
    """Raise RunFailed, which names the paths, in place of any error that a full disk has caused."""
    try:
        yield
    except Exception as error:
        causes = [*_causes(error)]
        text = "\n".join(str(cause) for cause in causes)
        numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
        if numbers.intersection(FULL) or SAID.search(text):
            raise RunFailed(
                f"the disk is full: {_where(causes, work_dir)}; make room there, and run the same command to continue"
            ) from error
        if errno.EFBIG in numbers or TOO_LARGE.search(text):
            limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
            allowed = "" if limit == resource.RLIM_INFINITY else f", ulimit -f allows {limit / 1e6:.1f} MB"
            raise RunFailed(
                f"a file may not become larger (file system or ulimit{allowed}): {_where(causes, work_dir)}; raise the "
                "limit, and run the same command to continue"
            ) from error
        raise


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _where(causes: list[BaseException], work_dir: str) -> str:
    """The file that could not be written, if the error names it; else the folders that a run writes to."""
    files = [cause.filename for cause in causes if isinstance(cause, OSError) and isinstance(cause.filename, str)]
    if files:
        return free_space(files[0])
    spark = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")
    work_dirs = [storage.local_path(work_dir)] if storage.is_local(work_dir) else []
    if executors := [match for cause in causes if (match := ON_EXECUTOR.search(str(cause)))]:
        number, host = executors[0]["number"], executors[0]["host"]
        its_own = f"that of executor {number} on {host} (spark.local.dir, temporary files)"
        return ", or ".join([its_own, *map(free_space, work_dirs)])
    return ", ".join(free_space(path) for path in dict.fromkeys([*work_dirs, tempfile.gettempdir(), *spark]) if path)
