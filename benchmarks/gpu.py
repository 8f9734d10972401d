"""What benchmarks on a GPU share: how busy it is, and several processes on it, as with Spark's tasks."""

from __future__ import annotations

import multiprocessing
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def gpu_watched() -> Iterator[None]:
    """Prints for how much of the time the GPU was busy during the block, as nvidia-smi says; nothing without a GPU."""
    percentages: list[int] = []
    finished = threading.Event()

    def watch() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not finished.wait(0.5):
            try:
                output = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
            except (OSError, subprocess.SubprocessError):
                return
            percentages.append(int(output.split()[0]))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
    if percentages:
        print(f"GPU busy: {sum(percentages) / len(percentages):.0f} % of the time", flush=True)


@contextmanager
def processes(
    prepare: Callable[..., Callable[[], Any]], of_each: Sequence[tuple[Any, ...]]
) -> Iterator[Callable[[], float]]:
    """A function that lets new processes work side by side, and returns the seconds until the last is done.

    Args:
        prepare: called once in each process, with its own of `of_each`; what it returns is the work.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = zip(*(context.Pipe() for _ in of_each), strict=True)
    started = [
        context.Process(target=_work, args=(end, prepare, arguments), daemon=True)
        for end, arguments in zip(theirs, of_each, strict=True)
    ]
    for process in started:
        process.start()
    for end in theirs:
        end.close()  # so that the end of a process is seen here
    for end in ours:
        end.recv()

    def run() -> float:
        start = time.perf_counter()
        for end in ours:
            end.send(True)
        for end in ours:
            end.recv()
        return time.perf_counter() - start

    try:
        yield run
    finally:
        for end in ours:
            end.close()
        for process in started:
            process.join()


def _work(end: Connection, prepare: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...]) -> None:
    work = prepare(*arguments)
    try:
        end.send(True)
        while end.recv():
            work()
            end.send(True)
    except EOFError:
        return
