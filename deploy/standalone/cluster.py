"""A Spark standalone cluster on this machine: a master and workers, each in its own process.

    .venv/bin/python deploy/standalone/cluster.py start --folder /tmp/cluster --workers 2
    .venv/bin/python deploy/standalone/cluster.py stop --folder /tmp/cluster

It runs the installed pyspark's Spark on 127.0.0.1 and free ports. Everything that it writes is below the folder:
`cluster.json` (address and processes), `logs/`, `work/` and `temporary/`.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from streetdeciles.errors import RunRefused
from streetdeciles.session import find_java

HOST = "127.0.0.1"
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20


@dataclass
class Cluster:
    """The addresses of a cluster. `processes`: pid -> time of its start, so that no other process is ever ended."""

    folder: str
    master: str
    web: str
    processes: dict[str, float] = field(default_factory=dict)
    host: str = HOST

    def save(self) -> None:
        _state_file(Path(self.folder)).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def start(
    folder: Path,
    *,
    workers: int = 2,
    cores: int = 1,
    memory: str = "1g",
    properties: Mapping[str, str] | None = None,
    host: str = HOST,
) -> Cluster:
    """Start a master and `workers` workers with `cores` and `memory` each; returns when all have registered.

    `properties` are Spark's settings for the workers, e.g. for their GPUs; `host` is an address of this machine.
    """
    if _state_file(folder).exists():
        raise RunRefused(f"{folder} already has a cluster; stop it first: cluster.py stop --folder {folder}")
    for name in ("logs", "work", "temporary"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    cluster = Cluster(str(folder), f"spark://{host}:{free_port()}", f"http://{host}:{free_port()}", host=host)
    start_master(cluster)
    try:
        wait(cluster, workers=0)
        if properties:
            lines = [f"{key} {value}\n" for key, value in properties.items()]
            _properties_file(folder).write_text("".join(lines), encoding="utf-8")
        for number in range(workers):
            add_worker(cluster, f"worker-{number}", cores=cores, memory=memory)
        wait(cluster, workers=workers)
    except BaseException:
        stop(folder)
        raise
    return cluster


def start_master(cluster: Cluster) -> int:
    """Start the master, or another one in place of a dead one, to which the workers come back; returns its pid."""
    port, web_port = cluster.master.rpartition(":")[2], cluster.web.rpartition(":")[2]
    arguments = ["--host", cluster.host, "--port", port, "--webui-port", web_port]
    return _launch(cluster, "master", "org.apache.spark.deploy.master.Master", arguments)


def add_worker(
    cluster: Cluster,
    name: str,
    *,
    cores: int,
    memory: str,
    host: str | None = None,
    within: Sequence[str] = (),
    disk: Path | None = None,
) -> int:
    """Start one more worker; returns its pid.

    Args:
        host: its address, where that is not the master's.
        within: a command that starts it, e.g. `ip netns exec name`.
        disk: a folder for its executors' folders and temporary files, in place of the cluster's.
    """
    work = Path(cluster.folder) / "work" / name if disk is None else disk / "work"
    host = host or cluster.host
    arguments = ["--host", host, "--webui-port", str(free_port()), "--work-dir", str(work)]
    if _properties_file(Path(cluster.folder)).exists():
        arguments += ["--properties-file", str(_properties_file(Path(cluster.folder)))]
    arguments += ["--cores", str(cores), "--memory", memory, cluster.master]
    main_class = "org.apache.spark.deploy.worker.Worker"
    return _launch(cluster, name, main_class, arguments, host=host, within=within, disk=disk)


def stop(folder: Path) -> None:
    """End the cluster's processes and the processes that they have started."""
    if not _state_file(folder).exists():
        raise RunRefused(f"{folder} has no cluster; start it with cluster.py start --folder {folder}")
    cluster = load(folder)
    family: list[psutil.Process] = []
    for pid, started in cluster.processes.items():
        process = _process(int(pid), started)
        if process is not None:
            family += [process, *process.children(recursive=True)]
    for process in family:
        _quietly(process.terminate)
    _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for process in alive:
        _quietly(process.kill)
    psutil.wait_procs(alive, timeout=STOP_TIMEOUT_S)
    _state_file(folder).unlink()
    _properties_file(folder).unlink(missing_ok=True)


@contextmanager
def standalone_cluster(
    folder: Path, *, workers: int = 2, cores: int = 1, memory: str = "1g", properties: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A cluster for the length of a `with` block."""
    cluster = start(folder, workers=workers, cores=cores, memory=memory, properties=properties)
    try:
        yield cluster
    finally:
        stop(folder)


def load(folder: Path) -> Cluster:
    return Cluster(**json.loads(_state_file(folder).read_text(encoding="utf-8")))


def state(cluster: Cluster) -> dict[str, Any]:
    """What the master reports about itself, its workers and applications."""
    with urllib.request.urlopen(f"{cluster.web}/json/", timeout=5) as answer:
        state: dict[str, Any] = json.load(answer)
    return state


def spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


def environment(folder: Path | None = None, host: str = HOST) -> dict[str, str]:
    """Environment variables for the installed Spark's programs: its home, Java, this Python, and their address."""
    settings = {
        "SPARK_HOME": str(spark_home()),
        "JAVA_HOME": str(find_java()),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": host,
        "SPARK_DAEMON_MEMORY": "256m",
    }
    if folder is not None:
        settings["SPARK_LOCAL_DIRS"] = str(folder / "temporary")
    return {**os.environ, **settings}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port


def _launch(
    cluster: Cluster,
    name: str,
    main_class: str,
    arguments: list[str],
    *,
    host: str | None = None,
    within: Sequence[str] = (),
    disk: Path | None = None,
) -> int:
    folder = Path(cluster.folder)
    command = [*within, str(spark_home() / "bin" / "spark-class"), main_class, *arguments]
    variables = environment(folder, host or cluster.host)
    if disk is not None:
        variables |= {"SPARK_LOCAL_DIRS": str(disk), "TMPDIR": str(disk)}
    log = str(folder / "logs" / f"{name}.log")
    # Not a Popen: the process must outlive this one, and a Popen that is not waited for warns.
    pid = os.posix_spawnp(
        command[0],
        command,
        variables,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    cluster.processes[str(pid)] = psutil.Process(pid).create_time()
    cluster.save()
    return pid


def wait(cluster: Cluster, *, workers: int) -> None:
    """Wait for the master and for `workers` to register; RunRefused, which names the logs, if they do not start."""
    deadline = time.monotonic() + START_TIMEOUT_S
    logs = Path(cluster.folder) / "logs"
    while time.monotonic() < deadline:
        try:
            if state(cluster)["aliveworkers"] >= workers:
                return
        except OSError:
            pass
        for pid, started in cluster.processes.items():
            if _process(int(pid), started) is None:
                raise RunRefused(f"a process of the cluster ended while it started; see {logs}")
        time.sleep(0.2)
    raise RunRefused(f"the cluster did not start within {START_TIMEOUT_S} s; see {logs}")


def _process(pid: int, started: float) -> psutil.Process | None:
    """The running process, unless the pid now belongs to another one."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - started) > 1:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def _quietly(action: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        action()


def _state_file(folder: Path) -> Path:
    return folder / "cluster.json"


def _properties_file(folder: Path) -> Path:
    return folder / "worker.conf"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    starts = commands.add_parser("start", help="start a master and workers")
    starts.add_argument("--workers", type=int, default=2)
    starts.add_argument("--cores", type=int, default=1, help="of each worker")
    starts.add_argument("--memory", default="2g", help="of each worker, for its executors")
    stops = commands.add_parser("stop", help="stop them")
    for command in (starts, stops):
        command.add_argument("--folder", type=Path, required=True, help="the cluster's state, logs and temporary files")
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    try:
        if options.command == "stop":
            stop(folder)
            print(f"stopped the cluster in {folder}")
            return 0
        cluster = start(folder, workers=options.workers, cores=options.cores, memory=options.memory)
    except RunRefused as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"master {cluster.master}, web page {cluster.web}, logs in {folder / 'logs'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
