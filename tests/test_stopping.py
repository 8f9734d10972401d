"""One Ctrl-C or SIGTERM ends any command in any stage: one line, the right exit code, and no process left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from small_run import SmallRun
from streetdeciles.pipeline import STAGE_NAMES

LINE = "stopped; run the same command to go on"
WITHIN_S = 10.0


class Command:
    """A real `streetdeciles …`, in a session of its own, so that what it leaves can be found."""

    def __init__(self, small_run: SmallRun, *arguments: str) -> None:
        self._err = small_run.folder / "stderr.txt"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "streetdeciles", *arguments, "--config", str(small_run.config)]
        with self._err.open("w") as err:
            self.process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True, env=environment
            )

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def wait_until(self, is_time: Callable[[Command], bool]) -> None:
        end = time.monotonic() + 120
        while not is_time(self):
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() < end, self.stderr
            time.sleep(0.02)

    def stop(self, number: signal.Signals, *, whole_group: bool = False) -> None:
        """Send the signal, as `kill` does, or to all in the foreground, as a terminal does; check how it ends."""
        start = time.monotonic()
        (os.killpg if whole_group else os.kill)(self.process.pid, number)
        self.check_stopped(number, start)

    def check_stopped(self, number: signal.Signals, start: float) -> None:
        assert self.process.wait(60) == 128 + number, self.stderr
        assert time.monotonic() - start < WITHIN_S
        assert self.left() == []
        assert self.stderr.splitlines()[-1] == LINE
        assert self.stderr.count(LINE) == 1
        assert "Traceback" not in self.stderr
        assert "Exception" not in self.stderr

    def processes(self) -> list[psutil.Process]:
        """All of its session."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def left(self) -> list[str]:
        return [" ".join(process.cmdline()) for process in self.processes()]


def starts(stage: str) -> Callable[[Command], bool]:
    return lambda command: f"] {stage} (" in command.stderr


def has_jvm(command: Command) -> bool:
    return any("java" in process.name() for process in command.processes())


def test_ctrl_c_in_a_stage_of_spark(small_run: SmallRun) -> None:
    command = Command(small_run, "labels")
    command.wait_until(starts("labels"))
    time.sleep(0.5)

    command.stop(signal.SIGINT, whole_group=True)

    assert sorted(path.name for path in small_run.work_dir.iterdir()) == ["config.json", "logs"]


def test_sigterm_while_the_jvm_starts(small_run: SmallRun) -> None:
    command = Command(small_run, "labels")
    command.wait_until(has_jvm)

    command.stop(signal.SIGTERM)

    assert not (small_run.work_dir / "run.lock").exists()


def test_second_ctrl_c_ends_at_once(small_run: SmallRun) -> None:
    command = Command(small_run, "labels")
    command.wait_until(starts("labels"))
    start = time.monotonic()
    for _ in range(3):
        os.killpg(command.process.pid, signal.SIGINT)
        time.sleep(0.05)

    command.check_stopped(signal.SIGINT, start)

    assert not (small_run.work_dir / "run.lock").exists()


BUSY = """
import hashlib, os, sys
from streetdeciles import stopping
from streetdeciles.lock import locked
with stopping.stoppable() as stop, locked(sys.argv[1]):
    print("busy", file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)  # minutes in C, which no exception interrupts
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_main_thread_that_does_not_come_back_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY, tmp_path], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "busy\n"
        time.sleep(0.5)  # it is deep in C now
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(60) == 128 + number
        assert time.monotonic() - start < WITHIN_S
        assert process.stderr.read() == f"{LINE}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cluster  # takes minutes
def test_every_stage_stops_and_the_same_command_goes_on(small_run: SmallRun) -> None:
    small_run.set(training={"epochs": 300, "patience": 300})
    for place, stage in enumerate(STAGE_NAMES):
        command = Command(small_run, "run")
        command.wait_until(starts(stage))
        time.sleep(place % 2)
        command.stop((signal.SIGINT, signal.SIGTERM)[place // 2 % 2], whole_group=place % 3 == 0)
        assert not (small_run.work_dir / "run.lock").exists(), stage
    command = Command(small_run, "run")
    assert command.process.wait(300) == 0, command.stderr
    assert not [*(small_run.work_dir / "_staging").glob("*")]
    assert len(small_run.table("predictions")) == 12


def test_killed_jvm_is_said_by_name_and_log(small_run: SmallRun) -> None:
    command = Command(small_run, "labels")
    command.wait_until(starts("labels"))
    for process in command.processes():
        if "java" in process.name():
            process.kill()

    assert command.process.wait(60) == 1
    assert command.left() == []
    last = command.stderr.splitlines()[-1]
    assert last.startswith("error: Spark's JVM ended during the run (killed, perhaps because the machine ran out of")
    assert last.endswith(f"its log is {small_run.work_dir}/logs/spark.log; run the same command to go on")
    assert "Traceback" not in command.stderr
