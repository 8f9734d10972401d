"""Two small machines of a standalone cluster that can be killed, stopped, cut off and filled up, and be repaired."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType

import psutil
import pytest

from standalone.cluster import HOST, Cluster, add_worker, start, start_master, stop, wait

MEMORY = "512m"
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For JVMs that live for a minute."""

DISK_MB = 16
MACHINES = ("worker-0", "worker-1")
LAST = MACHINES[-1]
"""The one whose disk is small, and whose network can be cut."""


class Network:
    """A bridge of this machine, and behind it a network namespace whose cable can be pulled."""

    def __init__(self) -> None:
        number = os.getpid() % 250
        self.namespace, self._bridge = f"faults-{number}", f"fb{number}"
        self._cable, self._inner = f"fc{number}", f"fi{number}"
        self.host, self.inner_host = f"10.77.{number}.1", f"10.77.{number}.2"

    def __enter__(self) -> Network:
        try:
            self._make()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for command in (f"netns del {self.namespace}", f"link del {self._cable}", f"link del {self._bridge}"):
            with suppress(subprocess.CalledProcessError):  # the cable goes with the namespace
                _ip(command)

    def _make(self) -> None:
        _ip(f"link add {self._bridge} type bridge")
        _ip(f"addr add {self.host}/24 dev {self._bridge}")
        _ip(f"link set {self._bridge} up")
        _ip(f"netns add {self.namespace}")
        _ip(f"link add {self._cable} type veth peer name {self._inner} netns {self.namespace}")
        _ip(f"link set {self._cable} master {self._bridge} up")
        _ip(f"-n {self.namespace} addr add {self.inner_host}/24 dev {self._inner}")
        _ip(f"-n {self.namespace} link set {self._inner} up")
        _ip(f"-n {self.namespace} link set lo up")

    def set_cable(self, state: str) -> None:
        """`down` or `up`; each side keeps its address, and only what one sends to the other is lost."""
        _ip(f"link set {self._cable} {state}")


class SmallSite:
    """A master and two workers with a core each, in processes of their own, and who runs what there."""

    def __init__(self, cluster: Cluster, disk: Path | None, network: Network | None) -> None:
        self.cluster = cluster
        self.disk, self.network = disk, network
        self.master = psutil.Process(int(next(iter(cluster.processes))))
        self.workers = {name: self._start_worker(name) for name in MACHINES}
        wait(cluster, workers=len(MACHINES))

    @property
    def settings(self) -> dict[str, object]:
        """The section `spark` of the config of a run here."""
        host = self.cluster.host
        addresses = {"spark.driver.host": host, "spark.driver.bindAddress": host}
        conf = {"spark.executor.memory": MEMORY, "spark.executor.extraJavaOptions": LIGHT, **addresses}
        return {"master": self.cluster.master, "driver_memory": "1g", "conf": conf}

    def machine(self, name: str) -> list[psutil.Process]:
        """The worker and all that it has started."""
        worker = self.workers[name]
        with suppress(psutil.NoSuchProcess):
            return [worker, *worker.children(recursive=True)]
        return []

    def executors(self) -> list[psutil.Process]:
        return [one for one in self._started() if _runs(one, "CoarseGrainedExecutorBackend")]

    def python_workers(self) -> list[psutil.Process]:
        """Those that compute, which the daemon of an executor has forked."""
        daemons = {one.pid for one in self.python_daemons()}
        return [one for one in self._started() if _runs(one, "pyspark.daemon") and _parent(one) in daemons]

    def python_daemons(self) -> list[psutil.Process]:
        executors = {one.pid for one in self.executors()}
        return [one for one in self._started() if _runs(one, "pyspark.daemon") and _parent(one) in executors]

    def repair(self) -> None:
        """What an operator does before the rerun: dead processes are started again, and the full disk is emptied."""
        if self.disk is not None:
            (self.disk / "full").unlink(missing_ok=True)
        if not self.master.is_running() or self.master.status() == psutil.STATUS_ZOMBIE:
            self._forget(self.master)
            self.master = psutil.Process(start_master(self.cluster))
        for name, worker in self.workers.items():
            if not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE:
                self._forget(worker)
                self.workers[name] = self._start_worker(name)
        wait(self.cluster, workers=len(MACHINES))

    def kill_all(self) -> None:
        kill([one for name in MACHINES for one in self.machine(name)])

    def _start_worker(self, name: str) -> psutil.Process:
        within: Sequence[str] = ()
        host = disk = None
        if name == LAST:
            disk = self.disk
            if self.network is not None:
                host, within = self.network.inner_host, ("ip", "netns", "exec", self.network.namespace)
        pid = add_worker(self.cluster, name, cores=1, memory=MEMORY, host=host, within=within, disk=disk)
        return psutil.Process(pid)

    def _started(self) -> list[psutil.Process]:
        return [one for name in MACHINES for one in self.machine(name)]

    def _forget(self, process: psutil.Process) -> None:
        self.cluster.processes.pop(str(process.pid))
        self.cluster.save()


@contextmanager
def small_site(folder: Path, *, small_disk: bool = False, own_network: bool = False) -> Iterator[SmallSite]:
    """A fresh cluster, whose processes are all ended afterwards."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # of executors, too
        patch.setenv("SPARK_DAEMON_JAVA_OPTS", LIGHT)
        network = stack.enter_context(Network()) if own_network else None
        disk = stack.enter_context(_tmpfs(folder / "disk")) if small_disk else None
        cluster = start(folder, workers=0, host=network.host if network else HOST)
        stack.callback(stop, folder)
        site = SmallSite(cluster, disk, network)
        stack.callback(site.kill_all)
        yield site


def kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@cache
def no_networks() -> str:
    """Why there can be no network namespace here; empty if there can."""

    def attempt() -> None:
        with Network():
            pass

    return _why_not(attempt, "network namespaces")


@cache
def no_tmpfs() -> str:
    """Why there can be no small disk here; empty if there can."""

    def attempt() -> None:
        with tempfile.TemporaryDirectory() as folder, _tmpfs(Path(folder)):
            pass

    return _why_not(attempt, "a tmpfs")


def _why_not(attempt: Callable[[], None], what: str) -> str:
    try:
        attempt()
    except (OSError, subprocess.CalledProcessError) as error:
        problem = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        return f"this machine does not let us make {what}: {problem}"
    return ""


@contextmanager
def _tmpfs(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None:
        raise FileNotFoundError("no program mount")
    _call(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(folder)])
    try:
        yield folder
    finally:
        _call(["umount", "--lazy", str(folder)])


def _ip(arguments: str) -> None:
    _call(["ip", *arguments.split()])


def _call(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _runs(process: psutil.Process, name: str) -> bool:
    with suppress(psutil.NoSuchProcess):
        return any(name in word for word in process.cmdline())
    return False


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.ppid())
    return 0
