"""Two runs never work in one work_dir at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import SimpleNamespace
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from lock_holder import holder_of
from streetdeciles import conditional_writes, lock, lock_file
from streetdeciles.errors import RunRefused
from streetdeciles.lock import lock_owner, locked
from streetdeciles.process_identity import ProcessIdentity, _start

HOLD = """
import sys, time
from streetdeciles.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""
RACE = Path(__file__).parent / "lock_race.py"


def dead_lock(work_dir: Path, **changes: object) -> bytes:
    """The lock that a run of this machine leaves when it is killed, or one with other values."""
    with locked(str(work_dir)):
        values = json.loads((work_dir / "run.lock").read_bytes())
    # A process that began at the same moment as this one has another pid, so nobody has both.
    content = json.dumps({**values, "start": values["start"] + 1, **changes}).encode()
    (work_dir / "run.lock").write_bytes(content)
    return content


def age(path: Path, seconds: float = 60) -> None:
    status = path.stat()
    os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def test_second_run_is_refused_with_the_owner(tmp_path: Path) -> None:
    refused = pytest.raises(RunRefused, match=f"in use by process {os.getpid()} on .* since 0 min")
    with locked(str(tmp_path)), refused, locked(str(tmp_path)):
        pass


def test_lock_is_gone_after_the_run(tmp_path: Path) -> None:
    with locked(str(tmp_path)):
        assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_live_process_holds_and_of_a_killed_one_does_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunRefused, match=f"process {holder.pid}"), locked(str(tmp_path)):
            pass
        holder.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, but not reaped yet
        with locked(str(tmp_path)):
            pass


@pytest.mark.parametrize("left_by_a_dead_run", [False, True])
def test_of_runs_that_start_together_exactly_one_gets_in(tmp_path: Path, left_by_a_dead_run: bool) -> None:
    races, processes = 100, 3
    for number in range(races):
        for name in ("start", "end", "work"):
            (tmp_path / f"{number:03d}" / name).mkdir(parents=True)
        if left_by_a_dead_run:
            dead_lock(tmp_path / f"{number:03d}" / "work")
    racers = [
        subprocess.Popen(
            [sys.executable, RACE, tmp_path, str(races), str(processes), str(racer)], stdout=subprocess.PIPE, text=True
        )
        for racer in range(processes)
    ]
    got_in = Counter[int]()
    for racer in racers:
        out, _ = racer.communicate(timeout=300)
        assert racer.returncode == 0
        got_in.update(map(int, out.split()))

    assert got_in == dict.fromkeys(range(races), 1)
    assert not list(tmp_path.glob("*/work/*"))


def test_lock_that_another_run_took_over_is_not_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with locked(str(tmp_path)):
        others = (tmp_path / "run.lock").read_bytes().replace(b'"token": "', b'"token": "another')
        (tmp_path / "run.lock").write_bytes(others)

    assert (tmp_path / "run.lock").read_bytes() == others
    assert "is no longer the lock of this run" in caplog.text


def test_lock_that_was_removed_by_hand_ends_no_run(tmp_path: Path) -> None:
    with locked(str(tmp_path)):
        (tmp_path / "run.lock").unlink()


def test_pid_that_another_process_has_now_does_not_hold(tmp_path: Path) -> None:
    dead_lock(tmp_path)

    with locked(str(tmp_path)):
        pass


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that are renewed, and fall silent, within a second."""
    for name, seconds in {"BEAT_S": 0.1, "SILENT_S": 1.0, "LOOK_S": 0.02, "END_S": 0.2}.items():
        monkeypatch.setattr(lock, name, seconds)


ELSEWHERE = ({"host": "node7"}, {"namespace": "pid:[1]"}, {"boot": str(uuid4())})
"""Owners whose process cannot be seen from here: the last is of another machine of this name, or before a reboot."""


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_lock_of_an_earlier_release_from_elsewhere_holds(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    dead_lock(tmp_path, **elsewhere, beats=None)

    with pytest.raises(RunRefused, match="wait for it, or end that run and go on in its place with --take-over"):
        locked(str(tmp_path)).__enter__()


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_lock_that_nobody_renews_is_free(quick: None, tmp_path: Path, elsewhere: dict[str, str]) -> None:
    content = dead_lock(tmp_path, **elsewhere)

    with locked(str(tmp_path)):
        assert (tmp_path / "run.lock").read_bytes() != content


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_lock_that_is_renewed_elsewhere_holds(quick: None, tmp_path: Path, elsewhere: dict[str, str]) -> None:
    with locked(str(tmp_path)):
        values = json.loads((tmp_path / "run.lock").read_bytes())
        (tmp_path / "run.lock").write_text(json.dumps({**values, **elsewhere}))
        with pytest.raises(RunRefused, match=f"in use by process {os.getpid()}"), locked(str(tmp_path)):
            pass


@pytest.mark.parametrize("where", ["disk", "store"])
def test_lock_that_is_renewed_holds(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Of two that do not see each other, as on two machines."""
    work_dir = str(tmp_path) if where == "disk" else f"memory://{uuid4().hex}/run"
    with locked(work_dir):
        monkeypatch.setattr(ProcessIdentity, "is_visible", lambda process: False)
        with pytest.raises(RunRefused, match=f"in use by process {os.getpid()}"), locked(work_dir):
            pass
    assert lock_owner(work_dir) is None


@pytest.mark.parametrize("sees_it", [True, False])
def test_taken_over_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sees_it: bool
) -> None:
    """By SIGTERM on the same machine; on another one it sees by itself that its lock is gone."""
    with holder_of(tmp_path) as holder:
        if not sees_it:
            monkeypatch.setattr(ProcessIdentity, "is_visible", lambda process: False)
            monkeypatch.setattr(lock, "BEAT_S", 1.0)
            monkeypatch.setattr(lock, "END_S", 4.0)
        with locked(str(tmp_path), take_over=True):
            assert holder.wait(0.1) == 143
        _, said = holder.communicate()
    assert f"took over from process {holder.pid} on" in caplog.text
    assert said.endswith("stopped; run the same command to continue\n")
    assert ("was taken over by process" in said) != sees_it


def test_process_of_the_same_number_elsewhere_is_not_ended(quick: None, tmp_path: Path) -> None:
    """Another machine may have this one's name, and number its processes as this one does."""
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        content = dead_lock(tmp_path, boot=str(uuid4()), pid=sleeper.pid, start=_start(sleeper.pid))
        with locked(str(tmp_path), take_over=True):
            assert (tmp_path / "run.lock").read_bytes() != content
            assert sleeper.poll() is None
        sleeper.kill()


def test_stopped_take_over_gives_the_lock_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_lock(tmp_path, host="node7")

    def is_stopped(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lock, "time", SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=is_stopped))
    with pytest.raises(KeyboardInterrupt):
        locked(str(tmp_path), take_over=True).__enter__()
    assert list(tmp_path.iterdir()) == []


HIDDEN = """
mount -t proc -o hidepid=2 proc /proc
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""


def test_lock_of_another_user_whose_processes_are_hidden_holds() -> None:
    """On machines of many users, /proc often shows each of them only their own processes."""
    python = ["unshare", "--mount", "sh", "-ec", HIDDEN, "sh", sys.executable, "-c"]
    can = [*python, "import streetdeciles.lock"]
    if shutil.which("unshare") is None or subprocess.run(can, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount, and a Python that others may start")
    program = "import sys; from streetdeciles.lock import lock_owner; print(lock_owner(sys.argv[1]))"
    with TemporaryDirectory() as work_dir:
        Path(work_dir).chmod(0o755)  # for that user; tmp_path is private
        with holder_of(work_dir) as holder:
            owner = subprocess.run([*python, program, work_dir], check=True, capture_output=True, text=True).stdout
            holder.terminate()
    assert owner.startswith(f"process {holder.pid} on ")


def test_of_two_that_take_over_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one finds a lock that is not that of the run it has ended."""
    others = dead_lock(tmp_path, host="node7", token="another")
    (tmp_path / "run.lock").unlink()

    def is_ended_and_replaced(*_: object) -> None:
        (tmp_path / "run.lock").write_bytes(others)

    with holder_of(tmp_path) as holder:
        monkeypatch.setattr(lock, "_end_visible", is_ended_and_replaced)
        with pytest.raises(RunRefused, match="was just taken by process .* on node7"):
            locked(str(tmp_path), take_over=True).__enter__()
        holder.kill()
    assert (tmp_path / "run.lock").read_bytes() == others


@pytest.mark.parametrize("clock", [-86400, 86400])
def test_clock_that_was_set_changes_nothing(tmp_path: Path, clock: int) -> None:
    with locked(str(tmp_path)):
        values = json.loads((tmp_path / "run.lock").read_bytes())
        (tmp_path / "run.lock").write_text(json.dumps({**values, "since": values["since"] + clock}))

        assert str(lock_owner(str(tmp_path))).startswith(f"process {os.getpid()} on ")


GARBAGE = (b"", b"[]", b"null", b"{}", b"0", b'{"pid": 1}', b"\0" * 200, b"[" * 5000)


@given(left=st.integers(0, 150) | st.sampled_from(GARBAGE) | st.binary(max_size=50))
@settings(max_examples=60, deadline=None)
def test_cut_or_garbage_lock_holds_only_while_it_may_be_written(
    left: int | bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    work_dir = tmp_path_factory.mktemp("garbage")
    whole = dead_lock(work_dir, host="node7")
    (work_dir / "run.lock").write_bytes(whole[:left] if isinstance(left, int) else left)

    with pytest.raises(RunRefused, match=r"an unknown run \(.*run\.lock is empty or damaged\); wait"):
        locked(str(work_dir)).__enter__()
    age(work_dir / "run.lock")
    with locked(str(work_dir)):
        pass
    assert list(work_dir.iterdir()) == []


@pytest.mark.parametrize("clock", [-300, 300])
def test_half_written_lock_holds_whatever_this_machines_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    """On a shared disk without hard links another machine, whose clock differs, may be just writing it."""
    (tmp_path / "run.lock").touch()
    monkeypatch.setattr(lock_file, "time", SimpleNamespace(time=lambda: time.time() + clock))
    with pytest.raises(RunRefused, match="is empty or damaged"):
        locked(str(tmp_path)).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_replaced_garbage_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run.lock").touch()
    age(tmp_path / "run.lock")

    with locked(str(tmp_path)):
        assert f"{tmp_path}/run.lock is empty or damaged, so no run holds it; replaced it" in caplog.text


class WithoutExclusiveCreation(MemoryFileSystem):
    """A store whose objects can only be put, as some are."""

    protocol = "put-only"

    def open(self, path: str, mode: str = "rb", **options: object) -> object:
        if mode == "xb":
            raise NotImplementedError
        return super().open(path, mode, **options)


class WithoutConditions(MemoryFileSystem):
    """A store that ignores the condition of a request, as some S3s do."""

    protocol = "ignoring"

    def open(self, path: str, mode: str = "rb", **options: object) -> object:
        return super().open(path, "wb" if mode == "xb" else mode, **options)


@pytest.mark.parametrize("protocol", ["memory", "put-only", "ignoring"])
def test_object_store_lets_one_in(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("put-only", WithoutExclusiveCreation, clobber=True)
    fsspec.register_implementation("ignoring", WithoutConditions, clobber=True)
    monkeypatch.setattr(conditional_writes, "VERIFY_AFTER_S", 0.1)
    work_dir = f"{protocol}://{uuid4().hex}/run"
    got_in = []

    def try_once(number: int) -> None:
        with suppress(RunRefused), locked(work_dir):
            got_in.append(number)
            everybody_tried.wait(10)

    everybody_tried = Event()
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(try_once, number) for number in range(4)]
        wait(tries, timeout=2, return_when=FIRST_EXCEPTION)
        everybody_tried.set()

    assert len(got_in) == 1
    assert lock_owner(work_dir) is None
