"""The processes that this one has started, and their children: found and ended."""

from __future__ import annotations

import ctypes
import sys
import time
from contextlib import suppress

import psutil

PR_SET_CHILD_SUBREAPER = 36
END_S = 2.0


class ChildProcesses:
    """Those started after this object was made; earlier ones are not ours to end."""

    def __init__(self) -> None:
        self._others = {*psutil.Process().children()}
        self._noted: set[psutil.Process] = set()

    def note(self) -> None:
        """Remember those that are there now: they may lose their parent."""
        self._noted |= self._started()

    def end(self) -> None:
        until = time.monotonic() + END_S
        ours = self._noted | self._started()
        while ours and time.monotonic() < until:
            for process in ours:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(ours, timeout=1)
            ours = self._started()  # what lost its parent meanwhile

    def _started(self) -> set[psutil.Process]:
        started = [child for child in psutil.Process().children() if child not in self._others]
        below: list[psutil.Process] = []
        for child in started:
            with suppress(psutil.Error):
                below += child.children(recursive=True)
        return {*started, *below}


def adopt_orphans() -> None:
    """On Linux, a process whose parent ends becomes a child of this one, so that it is found (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
