"""Two runs never work in one work_dir at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streetdeciles.errors import RunRefused
from streetdeciles.lock import locked

HOLD = """
import sys, time
from streetdeciles.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_run_is_refused_with_the_owner(tmp_path: Path) -> None:
    refused = pytest.raises(RunRefused, match=f"in use by process {os.getpid()} on .* since 0 min")
    with locked(str(tmp_path)), refused, locked(str(tmp_path)):
        pass


def test_lock_is_gone_after_the_run(tmp_path: Path) -> None:
    with locked(str(tmp_path)):
        assert (tmp_path / "run.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_live_process_holds_and_of_a_killed_one_does_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunRefused, match=f"process {holder.pid}"), locked(str(tmp_path)):
            pass
        holder.send_signal(signal.SIGKILL)

    with locked(str(tmp_path)):
        pass
