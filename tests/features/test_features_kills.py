"""kill -9 twenty times at random moments: the tables are an undisturbed run's, and no finished shard is redone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import psutil
import pytest
from pixel_network import pixel_network, run_config, write_index, write_photos

from streetdeciles.features import stage
from streetdeciles.parallel import Parallelism
from streetdeciles.run_log import StageReport

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster

SHARDS, PHOTOS_PER_SHARD = 90, 3
SEED = 20
VICTIMS = ["worker"] * 8 + ["daemon"] * 2 + ["java"] * 4 + ["all"] * 6
"""Twenty. `daemon` forks Spark's Python workers; `all` is the process group of the driver."""
MOMENTS = ("start", "java", "batch", "batch", "batch")
PROGRAM = Path(__file__).with_name("interrupted_extraction.py")


def test_twenty_random_kills_leave_the_tables_of_an_undisturbed_run(spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", SHARDS * PHOTOS_PER_SHARD)
    groups = [photos[i : i + PHOTOS_PER_SHARD] for i in range(0, len(photos), PHOTOS_PER_SHARD)]
    for number, path in enumerate(photos):
        if number % 31 == 0:
            path.write_bytes(b"")
        if number % 37 == 0:
            path.unlink()
    for name in ("killed", "undisturbed"):
        write_index(spark, tmp_path / name, groups)
    expected = undisturbed(spark, tmp_path / "undisturbed")

    run = KilledRun(tmp_path / "killed", tmp_path / "batches.log")
    chance = random.Random(SEED)
    chance.shuffle(VICTIMS)
    for victim in VICTIMS:
        run.kill(victim, chance.choice(MOMENTS), chance.uniform(0, 2))
    assert len(run.marks()) < SHARDS, "it was finished before the last kill: more shards are needed"
    output = run.finish()

    assert output == str(dict(expected.counts))
    assert len(run.marks()) == SHARDS
    for actual, expected in zip(tables(tmp_path / "killed"), tables(tmp_path / "undisturbed"), strict=True):
        pd.testing.assert_frame_equal(actual, expected)
    assert run.computed_again == set()
    assert run.marked_again == set()
    left = [path for path in (tmp_path / "killed" / "_staging").glob("*") if path.name.startswith("extracted")]
    assert left == []


def undisturbed(spark: SparkSession, work_dir: Path) -> StageReport:
    sizes = Parallelism(tasks=1, threads=2, local=True)
    return stage.extract_shards(spark, run_config(work_dir), pixel_network(), sizes)


def tables(work_dir: Path) -> Iterator[pd.DataFrame]:
    for name in ("features", "rejects"):
        yield pd.read_parquet(work_dir / name).sort_values("image_id", ignore_index=True)


class KilledRun:
    """One command in one work_dir, started again and again."""

    def __init__(self, work_dir: Path, log: Path) -> None:
        self._work_dir = work_dir
        self._log = log
        self._errors = log.with_suffix(".err")
        self._process: subprocess.Popen[str] | None = None
        self._before: dict[int, tuple[int, str]] = {}
        """Marks that were there when the process started."""
        self._lines_before = 0
        self.computed_again: set[int] = set()
        """Shards that were finished when a process started, and whose photographs it computed."""
        self.marked_again: set[int] = set()

    def marks(self) -> dict[int, tuple[int, str]]:
        """Time and text of each mark, by shard."""
        mark_files = (self._work_dir / "features" / "_shards").glob("[0-9]*.json")
        return {int(path.stem): (path.stat().st_mtime_ns, path.read_text(encoding="utf-8")) for path in mark_files}

    def kill(self, victim: str, moment: str, delay_s: float) -> None:
        """kill -9 the victim, `delay_s` after the moment; where that is its end, wait until the run has ended."""
        process = self._running()
        n_lines = len(self._lines())
        if victim in ("worker", "daemon") or moment == "batch":
            wait(lambda: len(self._lines()) > n_lines or process.poll() is not None)
        elif moment == "java":
            wait(lambda: bool(children(process, "java")) or process.poll() is not None)
        time.sleep(delay_s)
        assert process.poll() is None, f"ended by itself: {self._errors.read_text()[-3000:]}"
        if victim == "worker":
            os.kill(int(self._lines()[-1].split()[0]), signal.SIGKILL)
            return
        if victim == "daemon":  # its workers live on
            for daemon in children(process, "pyspark.daemon")[:1]:
                daemon.kill()
            return
        if victim == "java":
            wait(lambda: bool(children(process, "java")))
            children(process, "java")[0].kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)  # it must not hang when its JVM is gone
        assert process.returncode != 0
        self._ended()

    def finish(self) -> str:
        process = self._running()
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, self._errors.read_text()[-3000:]
        self._ended()
        return out.strip()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._before, self._lines_before = self.marks(), len(self._lines())
            command = [sys.executable, str(PROGRAM), str(self._work_dir), str(self._log)]
            with self._errors.open("w") as errors:  # not a pipe: Spark would wait for someone to read it
                self._process = subprocess.Popen(
                    command,
                    start_new_session=True,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    env={
                        **os.environ,
                        "PYTHONPATH": os.pathsep.join(sys.path),
                        "SPARK_LOCAL_DIRS": str(self._log.with_suffix(".spark")),
                    },
                )
        return self._process

    def _ended(self) -> None:
        self._process = None
        after = self.marks()
        self.marked_again |= {number for number, mark in self._before.items() if after.get(number) != mark}
        lines = self._lines()[self._lines_before :]
        computed = [int(number) for line in lines for number in line.split()[1].split(",")]
        self.computed_again |= {number // PHOTOS_PER_SHARD for number in computed} & self._before.keys()

    def _lines(self) -> list[str]:
        """A line for each batch that was begun: the worker, and its photographs."""
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []


def children(process: subprocess.Popen[str], what: str) -> list[psutil.Process]:
    """The processes below it that have `what` in their command line."""
    matching = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if what in " ".join(child.cmdline()):
                matching.append(child)
        except psutil.NoSuchProcess:
            continue
    return matching


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not until():
        assert time.monotonic() < deadline, "nothing happened for five minutes"
        time.sleep(0.02)
