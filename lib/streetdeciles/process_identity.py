"""The identity of a process: pids are reused and clocks are changed, so neither is enough by itself."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot of one machine. Two that are equal are the same process."""

    host: str
    pid: int
    boot: str
    """Linux's id of the boot, elsewhere its time: machines and containers of one name are not one machine."""
    namespace: str
    """The namespace of the pid, because containers number processes differently; empty on other systems."""
    start: float
    """Clock ticks from the machine's boot to the process's start, which no change of the clock moves."""

    def is_visible(self) -> bool:
        """Whether this machine can tell that the process is alive.

        Not of another boot: whether this machine has started again, or another one has the same name, it cannot tell.
        """
        here = this_process()
        if (self.host, self.boot, self.namespace) != (here.host, here.boot, here.namespace):
            return False
        return not _is_hidden(self.pid)

    def end(self, within_s: float) -> bool:
        """Send SIGTERM to the process, which `is_visible`; whether it has ended in time.

        Raises:
            PermissionError: it is somebody else's.
        """
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + within_s
        while self.may_be_alive() and time.monotonic() < until:
            time.sleep(0.1)
        return not self.may_be_alive()

    def may_be_alive(self) -> bool:
        """False only if this machine can tell that the process has ended."""
        return not self.is_visible() or _start(self.pid) == self.start


def this_process() -> ProcessIdentity:
    start = _start(os.getpid())
    assert start is not None
    return ProcessIdentity(socket.gethostname(), os.getpid(), _boot_id(), _pid_namespace(), start)


def _start(pid: int) -> float | None:
    """None if no process has this pid, or only one that has ended and waits to be reaped."""
    try:
        # Field 2 is the program's name in brackets, and may hold spaces and brackets itself.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_by_psutil(pid)
    return None if fields[0] in "ZX" else float(fields[19])


def _is_hidden(pid: int) -> bool:
    """Whether another user's process has this pid, and this user may not look at it (Linux's option `hidepid`)."""
    if not Path("/proc/self/stat").exists() or os.access(f"/proc/{pid}/stat", os.R_OK):
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        pass
    return False


def _start_by_psutil(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
