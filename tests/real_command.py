"""A command in a process of its own, as a user starts it: to be watched, interrupted and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

LINE = "stopped; run the same command to continue"
WITHIN_S = 10.0
"""The time that a stop may take."""


class Command:
    """Any command, in a session of its own, so that the processes that it leaves can be found."""

    def __init__(
        self,
        command: Sequence[str | Path],
        output: Path,
        *,
        with_stdout: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; what it writes to stderr goes to the file `output`, so that it cannot fill a pipe."""
        self._output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [*map(str, command)],
                stdout=file if with_stdout else subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
                env=environment or os.environ,
            )

    def __enter__(self) -> Command:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.process.poll() is None or self.processes():
            self.kill()

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_until(self, is_time: Callable[[], bool], *, within_s: float = 120) -> None:
        end = time.monotonic() + within_s
        while not is_time():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.02)

    def starts_stage(self, stage: str) -> bool:
        """Whether it has said that it begins with the stage."""
        return f"] {stage} (" in self.output

    def has_jvm(self) -> bool:
        return any("java" in process.name() for process in self.processes())

    def stop(self, number: signal.Signals, *, whole_group: bool = False) -> None:
        """Send the signal, as `kill` does, or to all in the foreground, as a terminal does; check how it ends."""
        start = time.monotonic()
        (os.killpg if whole_group else os.kill)(self.process.pid, number)
        self.check_stopped(number, start)

    def check_stopped(self, number: signal.Signals, start: float) -> None:
        assert self.process.wait(60) == 128 + number, self.output
        assert time.monotonic() - start < WITHIN_S
        assert self.left() == []
        assert self.output.splitlines()[-1] == LINE, self.output
        assert self.output.count(LINE) == 1, self.output
        assert "Traceback" not in self.output, self.output
        assert "Exception" not in self.output, self.output

    def kill(self) -> None:
        """kill -9 of its process group, as of a crash; what else it has started must end soon after."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        end = time.monotonic() + WITHIN_S
        while self.processes() and time.monotonic() < end:
            time.sleep(0.05)
        assert self.left() == []

    def processes(self) -> list[psutil.Process]:
        """All of its session."""
        members = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    members.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return members

    def left(self) -> list[str]:
        return [" ".join(process.cmdline()) for process in self.processes()]


def streetdeciles(*arguments: str | Path, config: Path) -> Command:
    """`streetdeciles <arguments> --config <config>`; its stderr goes to a file beside the config."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "streetdeciles", *arguments, "--config", config]
    return Command(command, config.with_suffix(".output"), environment=environment)
