"""A run in a process of its own that holds the lock of a work_dir, and renews it ten times a second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOLD = """
import sys, time
from streetdeciles import lock, stopping
lock.BEAT_S = 0.1
with stopping.stoppable() as stop:
    try:
        with lock.locked(sys.argv[1]):
            print("held", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(stop.finish())
"""


def holder_of(work_dir: Path | str) -> subprocess.Popen[str]:
    """The process, once it holds the lock; it ends by SIGTERM as a run does."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(work_dir)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder
