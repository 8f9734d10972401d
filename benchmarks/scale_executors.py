"""The stage features on a standalone cluster of this machine: two executors against one, and what a shard costs.

- `scale_executors`: images/s of two executors with a core each, against one of them, with VGG16; all are warmed up.
  Twice as fast would be ideal, but the driver works on the same cores.
- `scale_shards`: images/s with tiny photographs, and the mean of their pixels as backbone, in shards of 8, against the
  same in shards of 128. What a shard costs follows from it, and is printed.

The intended size is `--images 800 --tiny 6000 --runs 3`, on more than two cores if there are any.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from extraction import run_config
from measure import Comparison, record
from photographs import draw_files
from scale import images_of, mean_of_pixels, write_tiny_jpegs
from streetdeciles.config import RunConfig, SparkConfig
from streetdeciles.features import stage
from streetdeciles.images import stage as images_stage
from streetdeciles.parallel import parallelism
from streetdeciles.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLUSTER = Path(__file__).parent.parent / "deploy" / "standalone" / "cluster.py"
MEMORY = "2g"
SMALL_SHARD, LARGE_SHARD = 8, 128


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a master with two workers of one core each."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # the executors import this folder's modules
    command = [sys.executable, str(CLUSTER)]
    started = subprocess.run(
        [*command, "start", "--folder", str(folder), "--workers", "2", "--memory", MEMORY],
        check=True,
        capture_output=True,
        text=True,
    )
    try:
        yield started.stdout.split()[1].rstrip(",")
    finally:
        subprocess.run([*command, "stop", "--folder", str(folder)], check=True)


def session_settings(master: str, executors: int) -> SparkConfig:
    conf = {
        "spark.cores.max": str(executors),
        "spark.executor.cores": "1",
        "spark.executor.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    return SparkConfig(master=master, driver_memory="1g", conf=conf)


def rate(spark: SparkSession, config: RunConfig, n: int) -> float:
    """Images/s of the stage features with VGG16, all over again."""
    start = time.perf_counter()
    report = stage.run(spark, config, afresh=True)
    if report.counts["features"] != n:
        raise RuntimeError(f"expected {n} features, got {report.counts}")
    return n / (time.perf_counter() - start)


def measure_executors(master: str, folder: Path, n: int, runs: int) -> None:
    (folder / "photographs").mkdir()
    draw_files(folder / "photographs", n, different=32)
    config = run_config(folder / "vgg", images_of(folder / "photographs", shard_size=max(1, n // 8)))
    rates = {}
    for executors in (1, 2):
        with spark_session(session_settings(master, executors), str(folder)) as spark:
            if executors == 1:
                images_stage.run(spark, config)
            rate(spark, config, n)
            rates[executors] = statistics.median(rate(spark, config, n) for _ in range(runs))
            print(f"{executors} executor(s): {rates[executors]:.1f} images/s", flush=True)
    record(
        "scale_executors",
        Comparison(rates[2], rates[1], runs),
        unit="images/s of two executors with a core each",
        other_is="one executor",
    )


def measure_shards(master: str, folder: Path, n: int) -> None:
    write_tiny_jpegs(folder / "tiny", n)
    seconds = {}
    with spark_session(session_settings(master, 2), str(folder)) as spark:
        for name, shard_size in (("warm", LARGE_SHARD), ("large", LARGE_SHARD), ("small", SMALL_SHARD)):
            config = run_config(folder / name, images_of(folder / "tiny", shard_size))
            images_stage.run(spark, config)
            start = time.perf_counter()
            stage.extract_shards(spark, config, mean_of_pixels(), parallelism(spark))
            seconds[name] = time.perf_counter() - start
    more = n / SMALL_SHARD - n / LARGE_SHARD
    print(f"a shard costs {1000 * (seconds['small'] - seconds['large']) / more:.0f} ms", flush=True)
    record(
        "scale_shards",
        Comparison(n / seconds["small"], n / seconds["large"], 1),
        unit=f"images/s of tiny photographs in shards of {SMALL_SHARD}",
        other_is=f"shards of {LARGE_SHARD}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32, help="photographs of 640 x 640 for the executors; 0: none")
    parser.add_argument("--tiny", type=int, default=600, help="tiny photographs for the shards; 0: none")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, cluster(Path(name, "cluster")) as master:
        if options.images:
            measure_executors(master, Path(name), options.images, options.runs)
        if options.tiny:
            measure_shards(master, Path(name), options.tiny)
    return 0


if __name__ == "__main__":
    sys.exit(main())
