"""One Ctrl-C or SIGTERM ends any command in any stage: one line, the right exit code, and no process left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from real_command import LINE, WITHIN_S, Command, streetdeciles
from small_run import SmallRun
from streetdeciles.stages import STAGE_NAMES


def test_ctrl_c_in_a_stage_of_spark(small_run: SmallRun) -> None:
    command = streetdeciles("labels", config=small_run.config)
    command.wait_until(lambda: command.starts_stage("labels"))
    time.sleep(0.5)

    command.stop(signal.SIGINT, whole_group=True)

    assert sorted(path.name for path in small_run.work_dir.iterdir()) == ["config.json", "logs"]


def test_sigterm_while_the_jvm_starts(small_run: SmallRun) -> None:
    command = streetdeciles("labels", config=small_run.config)
    command.wait_until(command.has_jvm)

    command.stop(signal.SIGTERM)

    assert not (small_run.work_dir / "run.lock").exists()


def test_second_ctrl_c_ends_at_once(small_run: SmallRun) -> None:
    command = streetdeciles("labels", config=small_run.config)
    command.wait_until(lambda: command.starts_stage("labels"))
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


EARLY = """
import sys
from streetdeciles.stopping import stoppable
with stoppable() as stop:
    try:
        raise KeyboardInterrupt  # as if the thread that watches for signals came too late
    except KeyboardInterrupt:
        code = stop.finish()
    print("errors that follow from the stop", file=sys.stderr, flush=True)
    stop.leave()
"""


def test_nothing_follows_the_line_where_the_interrupt_comes_first() -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, f"{LINE}\n")


REDIRECTED = """
import os, signal, sys, time
from streetdeciles.keras_start import without_start_messages
from streetdeciles.stopping import stoppable
with stoppable() as stop:
    try:
        with without_start_messages():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
    except KeyboardInterrupt:
        print("errors that follow from the stop", file=sys.stderr, flush=True)
        stop.finish()
    print("errors that follow from the stop", file=sys.stderr, flush=True)
    stop.leave()
"""


def test_line_is_seen_where_a_library_has_silenced_stderr() -> None:
    done = subprocess.run([sys.executable, "-c", REDIRECTED], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count(LINE)) == (130, 1)
    assert done.stderr.endswith(f"{LINE}\n")  # what came between the signal and the silence may lack its line's end


def wait_for_stage(command: Command, stage: str) -> None:
    command.wait_until(lambda: command.starts_stage(stage))


@pytest.mark.whole
def test_every_stage_stops_and_the_same_command_goes_on(small_run: SmallRun) -> None:
    small_run.set(training={"epochs": 300, "patience": 300})
    for place, stage in enumerate(STAGE_NAMES):
        command = streetdeciles("run", config=small_run.config)
        wait_for_stage(command, stage)
        time.sleep(place % 2)
        command.stop((signal.SIGINT, signal.SIGTERM)[place // 2 % 2], whole_group=place % 3 == 0)
        assert not (small_run.work_dir / "run.lock").exists(), stage
    command = streetdeciles("run", config=small_run.config)
    assert command.process.wait(300) == 0, command.output
    assert not [*(small_run.work_dir / "_staging").glob("*")]
    assert len(small_run.table("predictions")) == 12


def test_killed_jvm_is_said_by_name_and_log(small_run: SmallRun) -> None:
    command = streetdeciles("labels", config=small_run.config)
    command.wait_until(lambda: command.starts_stage("labels"))
    for process in command.processes():
        if "java" in process.name():
            process.kill()

    assert command.process.wait(60) == 1
    assert command.left() == []
    last = command.output.splitlines()[-1]
    assert last.startswith("error: Spark's JVM ended during the run (killed, perhaps because the machine ran out of")
    assert last.endswith(f"its log is {small_run.work_dir}/logs/spark.log; run the same command to continue")
    assert "Traceback" not in command.output
