"""Drawing many locations at once, each file written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from demo_city.damage import DAMAGES
from demo_city.photograph import Place, draw_photographs
from streetdeciles.errors import RunFailed
from streetdeciles.hardware import usable_cores

UNFINISHED = "_unfinished"
"""Where a file is written before it is moved into place."""

FEW = 8
"""Up to this number photographs are drawn in this process; for more, worker processes are worth their start."""


@dataclass(frozen=True)
class Work:
    """A location's views that are to be drawn: of each its file below the folder and, perhaps, its damage."""

    seed: int
    place: Place
    views: Mapping[int, tuple[str, str | None]]


def draw_all(folder: Path, work: Sequence[Work]) -> Iterator[dict[str, int]]:
    """Draw and write all of it, as many locations at a time as there are processors; {file: length} of each."""
    if sum(len(item.views) for item in work) <= FEW:
        for item in work:
            yield draw_one(folder, item)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    processes = min(usable_cores(), len(work))
    # Not forked: this process may run threads (a Spark session's), which a fork would leave in an unknown state.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_start)
    try:
        for drawn in as_completed([pool.submit(draw_one, folder, item) for item in work]):
            yield drawn.result()
    finally:
        pool.shutdown(cancel_futures=True)


def draw_one(folder: Path, work: Work) -> dict[str, int]:
    """Draw and write a location's views; {file: length}."""
    lengths = {}
    for view, content in draw_photographs(work.seed, work.place, list(work.views)):
        file, damage = work.views[view]
        lengths[file] = put(folder, file, DAMAGES[damage](content) if damage else content)
    return lengths


def put(folder: Path, file: str, content: bytes) -> int:
    """Write a file whole and return its length; RunFailed where it cannot be written."""
    unfinished, path = folder / UNFINISHED / uuid4().hex, folder / file
    with explained(path):
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    return len(content)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one line that says what to do."""
    try:
        yield
    except OSError as error:
        raise RunFailed(
            f"{error.filename or path}: cannot be written ({error.strerror}); make room or give another folder as "
            "--out; the same command goes on from what is there"
        ) from error


def _start() -> None:
    """A worker leaves Ctrl-C to the main process, and ends when that one is gone, however it went."""
    import signal
    import threading
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
