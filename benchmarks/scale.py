"""Whether listing and extraction keep their speed when the number of photographs grows.

- `scale_listing`: the stage images on empty files in nested folders, against walking them in one plain Python process.
- `scale_features`: the stage features with the mean of the pixels as backbone, on many tiny JPEGs, against the same on
  few: images/s must not fall.
- `scale_features_end`: the last tenth of the many against their first tenth, so that start-up costs hide nothing.

Prints the core seconds of each, and the driver's memory after it. The intended sizes are:

    .venv/bin/python benchmarks/scale.py --files 1000000 --images 200000 --few 10000
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from PIL import Image

from extraction import run_config
from measure import Comparison, record
from streetdeciles import storage
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.config import ImagesConfig, RunConfig, SparkConfig
from streetdeciles.features import ledger
from streetdeciles.features.image_network import ImageNetwork
from streetdeciles.features.stage import extract_shards
from streetdeciles.images import stage as images_stage
from streetdeciles.parallel import parallelism
from streetdeciles.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

VIEWS = "abcd"
FILES_PER_FOLDER = 1000
DIFFERENT_IMAGES = 400
"""The number of different photographs; the others are hard links to them."""
SIDE = 8


def images_of(folder: Path, shard_size: int = 4096) -> ImagesConfig:
    return ImagesConfig(folder=str(folder), pattern="{location_id}_{view}.jpg", shard_size=shard_size)


def photograph_paths(folder: Path, n: int) -> list[str]:
    """Names of `n` photographs, four per location, in nested folders of a thousand each, which it creates."""
    paths = []
    for start in range(0, n, FILES_PER_FOLDER):
        number = start // FILES_PER_FOLDER
        inner = folder / f"{number // 10:03d}" / f"{number:05d}"
        inner.mkdir(parents=True)
        paths += [
            f"{inner}/{i // len(VIEWS):07d}_{VIEWS[i % len(VIEWS)]}.jpg"
            for i in range(start, min(n, start + FILES_PER_FOLDER))
        ]
    return paths


def write_empty_files(folder: Path, n: int) -> None:
    for path in photograph_paths(folder, n):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


def write_tiny_jpegs(folder: Path, n: int) -> None:
    originals = folder / "originals.tmp"
    originals.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for i in range(DIFFERENT_IMAGES):
        Image.fromarray(generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(originals / f"{i}.jpeg")
    for i, path in enumerate(photograph_paths(folder, n)):
        os.link(originals / f"{i % DIFFERENT_IMAGES}.jpeg", path)


def walked(folder: Path) -> float:
    """Files/s of a loop that only finds the files and their sizes."""
    start, n = time.perf_counter(), 0
    for here, _, names in os.walk(folder):
        for name in names:
            os.stat(os.path.join(here, name))  # noqa: PTH118
            n += 1
    return n / (time.perf_counter() - start)


def core_seconds() -> float:
    """CPU time of this process and its children so far, which other work on the machine does not change."""
    times = [process.cpu_times() for process in (psutil.Process(), *psutil.Process().children(recursive=True))]
    return float(sum(t.user + t.system + t.children_user + t.children_system for t in times))


def listed(spark: SparkSession, config: RunConfig, n: int) -> float:
    """Files/s of the stage images."""
    start, cores = time.perf_counter(), core_seconds()
    report = images_stage.run(spark, config)
    seconds, cores = time.perf_counter() - start, core_seconds() - cores
    if report.counts["images"] != n:
        raise RuntimeError(f"expected {n} images, got {report.counts}")
    print(f"{n} files indexed in {seconds:.1f} s, {cores:.1f} core seconds; {memory(spark)}", flush=True)
    return n / seconds


def mean_of_pixels() -> ImageNetwork:
    def load() -> Any:
        from streetdeciles.extraction.network import Network

        return Network(lambda pictures: pictures.images().mean(axis=(1, 2)), 64, "mean of pixels")

    return ImageNetwork(load, scaled_centre_crop(SIDE), {"backbone": "mean of pixels"})


def extracted(spark: SparkSession, config: RunConfig, n: int) -> float:
    """Images/s of the stage features."""
    start, cores = time.perf_counter(), core_seconds()
    report = extract_shards(spark, config, mean_of_pixels(), parallelism(spark))
    seconds, cores = time.perf_counter() - start, core_seconds() - cores
    if report.counts["features"] != n:
        raise RuntimeError(f"expected {n} features, got {report.counts}")
    print(f"{n} images in {seconds:.1f} s, {1e6 * cores / n:.0f} core-us each; {memory(spark)}", flush=True)
    return n / seconds


def first_and_last_tenth(work_dir: str) -> tuple[float, float]:
    """Images/s in the first and last tenth of the waves, from the times in the shards' marks."""
    ends: dict[float, int] = {}
    for mark in ledger.read_marks(work_dir).values():
        ends[mark.ended] = ends.get(mark.ended, 0) + mark.images
    moments = sorted(ends)
    steps = max(1, len(moments) // 10)

    def rate(first: int, last: int) -> float:
        return sum(ends[moment] for moment in moments[first + 1 : last + 1]) / (moments[last] - moments[first])

    return rate(0, steps), rate(len(moments) - 1 - steps, len(moments) - 1)


def driver_memory(spark: SparkSession) -> tuple[float, float]:
    """The driver's memory after a garbage collection: MB of Python, and MB in use on the JVM's heap."""
    gc.collect()
    jvm: Any = spark._jvm
    jvm.java.lang.System.gc()
    runtime = jvm.java.lang.Runtime.getRuntime()
    heap = (runtime.totalMemory() - runtime.freeMemory()) / 2**20
    return psutil.Process().memory_info().rss / 2**20, heap


def memory(spark: SparkSession) -> str:
    """`driver_memory` in words."""
    python, heap = driver_memory(spark)
    return f"driver: {python:.0f} MB Python, {heap:.0f} MB heap"


def measure_listing(spark: SparkSession, folder: Path, n: int) -> None:
    start = time.perf_counter()
    write_empty_files(folder / "empty", n)
    print(f"{n} files created in {time.perf_counter() - start:.1f} s", flush=True)
    ours = listed(spark, run_config(folder / "listing", images_of(folder / "empty")), n)
    record(
        "scale_listing",
        Comparison(ours, walked(folder / "empty"), 1),
        unit="files/s",
        other_is=f"os.walk and os.stat in one process, {n} files",
    )


def measure_features(spark: SparkSession, folder: Path, few: int, many: int, shard_size: int) -> None:
    rates = {}
    for name, n in (("warm", few), ("few", few), ("many", many)):
        write_tiny_jpegs(folder / f"{name}_jpegs", n)
        config = run_config(folder / name, images_of(folder / f"{name}_jpegs", shard_size))
        images_stage.run(spark, config)
        rates[name] = extracted(spark, config, n)
    record(
        "scale_features",
        Comparison(rates["many"], rates["few"], 1),
        unit=f"images/s of {many} images",
        other_is=f"the same stage on {few} images",
    )
    first, last = first_and_last_tenth(storage.join(str(folder), "many"))
    record(
        "scale_features_end",
        Comparison(last, first, 1),
        unit=f"images/s of the last tenth of {many} images",
        other_is="the first tenth",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000, help="files to list; 0: none")
    parser.add_argument("--images", type=int, default=6_000, help="images of the larger run; 0: none")
    parser.add_argument("--few", type=int, default=1_500, help="images of the smaller run")
    parser.add_argument(
        "--shard-size", type=int, help="images per shard; default: 4096, or less so that there are 20 shards"
    )
    options = parser.parse_args()
    shard_size = options.shard_size or min(4096, max(1, options.images // 20))
    with tempfile.TemporaryDirectory() as name:
        spark_config = SparkConfig(master="local[*]", driver_memory="1g")
        with spark_session(spark_config, name) as spark:
            if options.images:
                measure_features(spark, Path(name), options.few, options.images, shard_size)
            if options.files:
                measure_listing(spark, Path(name), options.files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
