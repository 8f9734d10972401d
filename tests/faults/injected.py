"""The faults: what each does to a small cluster or to the driver of a run, and how the run must end."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
from small_site import LAST, SmallSite, kill, no_networks, no_tmpfs

from real_command import Command
from streetdeciles.stages import STAGE_NAMES

NETWORK_GONE_S = 20.0
STOPPED_S = 30.0
STRAGGLES_S = 12.0
APPEARS_WITHIN_S = 60.0
LATER_S = 1.5
"""A process is killed at most this long after it has been seen, so that it is at work by then."""

ON_WORKERS = tuple(name for name in STAGE_NAMES if name not in ("training", "report"))
"""The stages that need executors."""

IN_PYTHON = ("images", "features", "dataset", "prediction", "aggregation", "evaluation")
"""Those that have Python workers there."""


@dataclass(frozen=True)
class Strike:
    """What a fault may use."""

    site: SmallSite
    run: Command
    chance: random.Random


@dataclass(frozen=True)
class Fault:
    """`happen` makes it happen, and returns when it is over."""

    name: str
    happen: Callable[[Strike], None]
    may_need_rerun: bool = False
    """Whether the run may end with an error, and one rerun on the repaired cluster must finish it."""
    stages: Sequence[str] = ON_WORKERS
    """Where it strikes."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Spark's, of the run."""
    small_disk: bool = False
    own_network: bool = False

    @property
    def cannot_be_made(self) -> str:
        """Why it cannot happen on this machine; empty if it can."""
        return (no_tmpfs() if self.small_disk else "") or (no_networks() if self.own_network else "")


class Missed(Exception):
    """There was nothing to strike, or not any more."""


def _victim(strike: Strike, candidates: Callable[[], list[psutil.Process]]) -> psutil.Process:
    """One of them, a random moment after the first has appeared; Missed if the run ends first."""
    end = time.monotonic() + APPEARS_WITHIN_S
    while not candidates():
        if strike.run.process.poll() is not None or time.monotonic() > end:
            raise Missed
        time.sleep(0.02)
    time.sleep(strike.chance.uniform(0, LATER_S))
    left = candidates()
    if strike.run.process.poll() is not None or not left:
        raise Missed
    return strike.chance.choice(left)


def kill_executor(strike: Strike) -> None:
    kill([_victim(strike, strike.site.executors)])


def kill_python_worker(strike: Strike) -> None:
    kill([_victim(strike, strike.site.python_workers)])


def kill_python_daemon(strike: Strike) -> None:
    """With the workers that it has forked."""
    victim = _victim(strike, strike.site.python_daemons)
    with suppress(psutil.NoSuchProcess):
        kill([victim, *victim.children(recursive=True)])


def kill_machine(strike: Strike) -> None:
    """Spark's worker with its executors and their Python, as when its machine loses power."""
    kill(strike.site.machine(strike.chance.choice([*strike.site.workers])))


def kill_master(strike: Strike) -> None:
    kill([strike.site.master])


def kill_driver(strike: Strike) -> None:
    strike.run.kill()


def fill_disk(strike: Strike) -> None:
    assert strike.site.disk is not None
    with (strike.site.disk / "full").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))  # until there is no space


def cut_network(strike: Strike) -> None:
    network = strike.site.network
    assert network is not None
    network.set_cable("down")
    time.sleep(NETWORK_GONE_S)
    network.set_cable("up")


def stop_machine(strike: Strike) -> None:
    _stop(strike.site.machine(strike.chance.choice([*strike.site.workers])), STOPPED_S)


def stop_driver(strike: Strike) -> None:
    """Its Python and its JVM, as on a laptop that was closed."""
    _stop(strike.run.processes(), STOPPED_S)


def slow_down_worker(strike: Strike) -> None:
    _stop([_victim(strike, strike.site.python_workers)], STRAGGLES_S)


def two_at_once(strike: Strike) -> None:
    for one in strike.chance.sample([kill_executor, kill_python_worker, kill_master, stop_last_machine_shortly], 2):
        one(strike)


def stop_last_machine_shortly(strike: Strike) -> None:
    _stop(strike.site.machine(LAST), STRAGGLES_S)


def _stop(processes: Sequence[psutil.Process], seconds: float) -> None:
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if number == signal.SIGSTOP:
            time.sleep(seconds)


SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.1",
}
DYNAMIC_ALLOCATION = {
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    "spark.dynamicAllocation.minExecutors": "0",
    "spark.dynamicAllocation.executorIdleTimeout": "2s",
    "spark.executor.cores": "1",
}

FAULTS = (
    Fault("kill -9 of an executor", kill_executor),
    Fault("kill -9 of a Python worker", kill_python_worker, stages=IN_PYTHON),
    Fault("kill -9 of a Python daemon and its workers", kill_python_daemon, stages=IN_PYTHON),
    Fault("kill -9 of a worker and its executors", kill_machine),
    Fault("kill -9 of the master", kill_master),
    Fault("kill -9 of the driver", kill_driver, may_need_rerun=True, stages=STAGE_NAMES),
    Fault("a worker's disk is full", fill_disk, may_need_rerun=True, small_disk=True),
    Fault("a worker's network is gone for 20 s", cut_network, own_network=True),
    Fault("a worker and its executors stop for 30 s", stop_machine),
    Fault("the driver stops for 30 s", stop_driver, stages=STAGE_NAMES),
    Fault("speculation, and a Python worker stops for 12 s", slow_down_worker, stages=IN_PYTHON, settings=SPECULATION),
    Fault("dynamic allocation, and kill -9 of an executor", kill_executor, settings=DYNAMIC_ALLOCATION),
    Fault("two of these at once", two_at_once, may_need_rerun=True, stages=IN_PYTHON),
)
