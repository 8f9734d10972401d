"""Which rejects may come out otherwise when they are tried again: those whose file is not as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator

from streetdeciles import storage
from streetdeciles.archives.names import containing_file
from streetdeciles.features.shards import Mark, read_marks
from streetdeciles.tables import REJECTS


def shards_to_retry(work_dir: str) -> list[int]:
    """Numbers of the finished shards that hold a reject which may be a feature by now.

    A file's times tell whether it was changed, or another one put in its place, after the shard was begun. Of files
    that are not local nobody knows, and a worker that died may have had too little memory: these are tried again.
    """
    return [
        number for number, mark in sorted(read_marks(work_dir).items()) if mark.rejects and _may_differ(mark, work_dir)
    ]


def _may_differ(mark: Mark, work_dir: str) -> bool:
    return any(_changed(uri, reason, since=mark.started) for uri, reason in _rejects(work_dir, mark.shard))


def _changed(uri: str, reason: str, *, since: float) -> bool:
    if reason == "crashed_worker" or not storage.is_local(uri):
        return True
    try:
        status = os.stat(containing_file(storage.local_path(uri)))
    except (FileNotFoundError, NotADirectoryError):
        return reason != "missing"
    except OSError:
        return True
    # A file that is moved into the place of another keeps its time of change, but not that of its entry.
    return reason == "missing" or max(status.st_mtime, status.st_ctime) >= since


def _rejects(work_dir: str, shard: int) -> Iterator[tuple[str, str]]:
    """(uri, reason) of the shard's rejects; none where the table has lost them, which makes the shard again anyway."""
    import pyarrow.dataset as ds

    fs, folder = storage.filesystem(storage.join(work_dir, REJECTS.name, f"shard={shard}"))
    if not fs.exists(folder):
        return
    for batch in ds.dataset(folder, filesystem=fs, format="parquet").to_batches(columns=["uri", "reason"]):
        yield from zip(batch.column("uri").to_pylist(), batch.column("reason").to_pylist(), strict=True)
