"""Ctrl-C and SIGTERM: one line, exit code 130 or 143 within seconds, and no process left behind.

The main thread gets a KeyboardInterrupt and clears up as from any error. It may be deep in the JVM, in TensorFlow or in
a C library, though, which no exception ends. So another thread does the rest: it ends what the main thread may wait
for, and after GRACE_S seconds, or at a second signal, the whole process. What is finished by then is whole on disk, as
after `kill -9`, and the same command goes on from there.

In somebody else's session (a notebook) the process is theirs: it is never ended here, and SIGTERM is not handled. Under
spark-submit this process is a child of Spark's JVM and must end with it: a signal may only reach the JVM.
"""

from __future__ import annotations

import _thread
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from streetdeciles.child_processes import ChildProcesses, adopt_orphans
from streetdeciles.silence import STDERR, Silence

GRACE_S = 6.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
PARENT_CHECK_S = 0.5
SIGNAL_S = 1.0
LINE = "stopped; run the same command to continue"


class Stop:
    """What happens between a signal and the end of the process. `requested` is set as soon as a signal has come."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.interrupted = False
        self.is_guest = False
        """Whether the process is somebody else's."""
        self.signals: tuple[signal.Signals, ...] = SIGNALS
        self.handlers: dict[signal.Signals, Any] = {}
        """Those from before."""
        self.at_once: list[Callable[[], object]] = []
        self.at_the_end: list[Callable[[], object]] = []
        self._number: int = signal.SIGINT
        self._nothing_to_wait_for = threading.Event()
        self._cleared_up = threading.Event()
        self._finishing = threading.Lock()
        self._children = ChildProcesses()
        self._said = False
        self.silence: Silence | None = None
        self.terminal = STDERR

    def request(self, number: int) -> None:
        """Handle a signal: the first one lets the main thread clean up, the second one ends the process."""
        if self.requested.is_set():
            if not self.is_guest:
                self._end_process()
            return
        self._number = number
        adopt_orphans()
        self.silence = Silence(self.terminal)
        self.requested.set()
        threading.Thread(target=self._wind_down, name="stop", daemon=True).start()

    def finish(self) -> int:
        """For the main thread, after its clean-up: ends its processes and prints one line; returns the exit code."""
        if not self.requested.wait(SIGNAL_S):  # the thread that watches for signals may be later than the interrupt
            self.request(self._number)
        self._nothing_to_wait_for.wait(GRACE_S)
        self._cleared_up.set()
        with self._finishing:
            self._children.end()
            self._say()
        return 128 + self._number

    def leave(self) -> NoReturn:
        sys.stdout.flush()
        logging.shutdown()
        os._exit(128 + self._number)

    def _wind_down(self) -> None:
        until = time.monotonic() + GRACE_S
        self._children.note()  # those that lose their parent now could not be found later
        for end in reversed(self.at_once):
            # One that hangs, as a call to a JVM may, must not delay the next one.
            one = threading.Thread(target=_quietly, args=(end,), daemon=True)
            one.start()
            one.join(GRACE_S / 2)
        self._nothing_to_wait_for.set()
        if not self.is_guest and not self._cleared_up.wait(max(0.0, until - time.monotonic())):
            self._end_process()

    def _end_process(self) -> None:
        with self._finishing:
            for end in reversed(self.at_the_end):
                _quietly(end)
            self._children.end()
            self._say()
            os._exit(128 + self._number)

    def _say(self) -> None:
        if self._said:
            return
        self._said = True
        assert self.silence is not None
        # A bar that was cut off leaves its line, and hides the cursor.
        clear = "\r\x1b[K\x1b[?25h" if self.silence.is_terminal else ""
        with suppress(OSError):  # whoever read it has ended first
            self.silence.print(f"{clear}{LINE}\n")


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Handle both signals in this context. Has no effect in a thread, and within another `stoppable`."""
    if _current or threading.current_thread() is not threading.main_thread():
        yield _current[0] if _current else Stop()
        return
    stop = Stop()
    with suppress(OSError):  # it is closed
        stop.terminal = os.dup(STDERR)
    _current.append(stop)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stop.handlers = {number: signal.getsignal(number) for number in SIGNALS}
    # The byte is written at once, whatever the main thread does; its handler must wait for it to come back to Python.
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, stop), name="signals", daemon=True).start()
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        threading.Thread(target=_watch_parent, args=(stop,), name="parent", daemon=True).start()
    unraisable, sys.unraisablehook = sys.unraisablehook, _without_interrupts(sys.unraisablehook)
    take_signals()
    try:
        yield stop
    finally:
        sys.unraisablehook = unraisable
        for number, handler in stop.handlers.items():
            signal.signal(number, handler)
        if stop.silence is not None:
            stop.silence.end()
        if stop.terminal != STDERR:
            os.close(stop.terminal)
        signal.set_wakeup_fd(wakeup)
        os.close(writing)
        _current.clear()


def take_signals() -> None:
    """Handle the signals here again, because PySpark replaces the handler of Ctrl-C by one that may block."""
    if _current and threading.current_thread() is threading.main_thread():
        for number in _current[0].signals:
            signal.signal(number, _interrupt)


def be_guest() -> None:
    """Leave the process to its owner, whose session this is: it is not ended here, and SIGTERM is not for us."""
    if not _current:
        return
    stop = _current[0]
    stop.is_guest, stop.signals = True, (signal.SIGINT,)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop.handlers[signal.SIGTERM])


def end_run() -> None:
    """End the run of this process, from another thread: as SIGTERM does, or in somebody else's session as Ctrl-C."""
    if _current and not _current[0].is_guest:
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        _thread.interrupt_main()


def is_stoppable() -> bool:
    """Whether this is inside `stoppable`."""
    return bool(_current)


def stop_requested() -> bool:
    return bool(_current) and _current[0].requested.is_set()


@contextmanager
def on_stop(end: Callable[[], object]) -> Iterator[None]:
    """Call `end` in another thread as soon as a signal comes, to end what the main thread is waiting for."""
    with _registered(_current[0].at_once if _current else [], end):
        yield


@contextmanager
def at_the_end(end: Callable[[], object]) -> Iterator[None]:
    """Call `end` if the process ends before the main thread has left this context."""
    with _registered(_current[0].at_the_end if _current else [], end):
        yield


@contextmanager
def _registered(calls: list[Callable[[], object]], call: Callable[[], object]) -> Iterator[None]:
    calls.append(call)
    try:
        yield
    finally:
        calls.remove(call)


_current: list[Stop] = []
"""The `Stop` of this process, while there is one."""


def _interrupt(number: int, frame: object) -> None:
    """In the main thread, and for the first signal only: a second exception would break what clears up.

    Nobody ends a guest's process if the first one is lost, so there the second one counts too.
    """
    if _current and (_current[0].is_guest or not _current[0].interrupted):
        _current[0].interrupted = True
        raise KeyboardInterrupt


def _without_interrupts(
    tell: Callable[[sys.UnraisableHookArgs], object],
) -> Callable[[sys.UnraisableHookArgs], object]:
    """An exception that is raised while an object is finalised is lost: the main thread continues for a moment."""
    return lambda error: None if issubclass(error.exc_type, KeyboardInterrupt) else tell(error)


def _watch(reading: int, stop: Stop) -> None:
    while signals := os.read(reading, 1):
        if signals[0] in stop.signals:
            stop.request(signals[0])
    os.close(reading)


def _watch_parent(stop: Stop) -> None:
    """Stop when the JVM of spark-submit has ended: Ctrl-C and SIGTERM may have reached it alone."""
    parent = os.getppid()
    while stop in _current:
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        time.sleep(PARENT_CHECK_S)


def _quietly(call: Callable[[], object]) -> None:
    with suppress(Exception):
        call()
