"""Ctrl-C and SIGTERM: one line, exit code 130 or 143 within seconds, and no process left behind.

The main thread gets a KeyboardInterrupt and clears up as from any error. It may be deep in the JVM, in TensorFlow or in
a C library, though, which no exception ends. So another thread does the rest: it ends what the main thread may wait
for, and after GRACE_S seconds, or at a second signal, the whole process. What is finished by then is whole on disk, as
after `kill -9`, and the same command goes on from there.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import psutil

GRACE_S = 6.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STDERR = 2
PR_SET_CHILD_SUBREAPER = 36
LINE = "stopped; run the same command to go on"


class Stop:
    """What happens between a signal and the end of the process. `requested` is set as soon as a signal has come."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.interrupted = False
        self.at_once: list[Callable[[], None]] = []
        self.at_the_end: list[Callable[[], None]] = []
        self._number: int = signal.SIGINT
        self._nothing_to_wait_for = threading.Event()
        self._cleared_up = threading.Event()
        self._finishing = threading.Lock()
        self._others = set(_children())
        """Processes that were there before, and are not ours to end."""
        self._ours: set[psutil.Process] = set()
        self._said = False
        self._terminal: Callable[[], None] | None = None

    def request(self, number: int) -> None:
        """A signal has come: the first lets the main thread clear up, the second ends the process."""
        if self.requested.is_set():
            self._end_process()
        self._number = number
        _adopt_orphans()
        self._terminal = _silence()
        self.requested.set()
        threading.Thread(target=self._wind_down, name="stop", daemon=True).start()

    def finish(self) -> int:
        """For the main thread, when it has cleared up: end the processes started since, and say so in one line.

        Returns:
            The exit code.
        """
        if self.requested.is_set():
            self._nothing_to_wait_for.wait(GRACE_S)
        self._cleared_up.set()
        with self._finishing:
            self._end_processes()
            self._say()
        return 128 + self._number

    def leave(self) -> NoReturn:
        sys.stdout.flush()
        logging.shutdown()
        os._exit(128 + self._number)

    def _wind_down(self) -> None:
        until = time.monotonic() + GRACE_S
        self._ours |= self._started_since()  # those that lose their parent now could not be found later
        for end in reversed(self.at_once):
            # One that hangs, as a call to a JVM may, keeps nobody from the next.
            one = threading.Thread(target=_quietly, args=(end,), daemon=True)
            one.start()
            one.join(GRACE_S / 2)
        self._nothing_to_wait_for.set()
        if not self._cleared_up.wait(max(0.0, until - time.monotonic())):
            self._end_process()

    def _end_process(self) -> None:
        with self._finishing:
            for end in reversed(self.at_the_end):
                _quietly(end)
            self._end_processes()
            self._say()
            os._exit(128 + self._number)

    def _end_processes(self) -> None:
        until = time.monotonic() + 2
        ours = self._ours | self._started_since()
        while ours and time.monotonic() < until:
            for process in ours:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(ours, timeout=1)
            ours = self._started_since()  # what lost its parent meanwhile

    def _started_since(self) -> set[psutil.Process]:
        started = [child for child in _children() if child not in self._others]
        below: list[psutil.Process] = []
        for child in started:
            with suppress(psutil.Error):
                below += child.children(recursive=True)
        return {*started, *below}

    def _say(self) -> None:
        if self._said:
            return
        self._said = True
        if self._terminal is not None:
            self._terminal()
        # A bar that was cut off leaves its line, and hides the cursor.
        clear = "\r\x1b[K\x1b[?25h" if sys.stderr.isatty() else ""
        print(f"{clear}{LINE}", file=sys.stderr, flush=True)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Handle both signals in here. Without effect in a thread, and within another `stoppable`."""
    if _current or threading.current_thread() is not threading.main_thread():
        yield _current[0] if _current else Stop()
        return
    stop = Stop()
    _current.append(stop)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # The byte is written at once, whatever the main thread does; its handler must wait for it to come back to Python.
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, stop), name="signals", daemon=True).start()
    unraisable, sys.unraisablehook = sys.unraisablehook, _without_interrupts(sys.unraisablehook)
    take_signals()
    try:
        yield stop
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(writing)
        _current.clear()


def take_signals() -> None:
    """Handle the signals here again: PySpark takes Ctrl-C for itself, and calls the JVM over a connection in use."""
    if _current and threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, _interrupt)


def stop_requested() -> bool:
    return bool(_current) and _current[0].requested.is_set()


@contextmanager
def on_stop(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` in another thread as soon as a signal has come: it ends what the main thread waits for."""
    with _registered(_current[0].at_once if _current else [], end):
        yield


@contextmanager
def at_the_end(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` where the process is ended before the main thread has left this context."""
    with _registered(_current[0].at_the_end if _current else [], end):
        yield


@contextmanager
def _registered(calls: list[Callable[[], None]], call: Callable[[], None]) -> Iterator[None]:
    calls.append(call)
    try:
        yield
    finally:
        calls.remove(call)


_current: list[Stop] = []
"""The one of this process, while there is one."""


def _interrupt(number: int, frame: object) -> None:
    """In the main thread, and for the first signal only: a second exception would break what clears up."""
    if _current and not _current[0].interrupted:
        _current[0].interrupted = True
        raise KeyboardInterrupt


def _without_interrupts(
    tell: Callable[[sys.UnraisableHookArgs], object],
) -> Callable[[sys.UnraisableHookArgs], object]:
    """One that comes while an object is finalised is lost: the main thread goes on, but not for long."""
    return lambda error: None if issubclass(error.exc_type, KeyboardInterrupt) else tell(error)


def _watch(reading: int, stop: Stop) -> None:
    while signals := os.read(reading, 1):
        if signals[0] in SIGNALS:
            stop.request(signals[0])
    os.close(reading)


def _silence() -> Callable[[], None]:
    """Keep the errors that follow from the stop off the terminal; returns what gives it back for the last line.

    The log's handlers stay silent: other threads report the end of the JVM until the process ends.
    """
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:
            handler.setLevel(logging.CRITICAL + 1)
    terminal = os.dup(STDERR)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, STDERR)
    os.close(nothing)

    def give_back() -> None:
        os.dup2(terminal, STDERR)

    return give_back


def _children() -> list[psutil.Process]:
    return [*psutil.Process().children()]


def _adopt_orphans() -> None:
    """On Linux, a process whose parent ends becomes a child of this one, so that it is found (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _quietly(call: Callable[[], None]) -> None:
    with suppress(Exception):
        call()
