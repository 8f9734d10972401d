"""The core of the extraction alone, without Spark, on any of Keras' backends: for a machine with a GPU.

    KERAS_BACKEND=jax python benchmarks/extraction_core.py --images 10000 --threads 16

Files of 640 x 640 are read, decoded and run through VGG16 as in a Spark task, against the bare network in a loop on
images in memory. How busy the GPU was is read from nvidia-smi, where there is one, twice a second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from extraction import bare_network, draw_files, index_batch
from measure import interleaved, record
from streetdeciles.backbones.vgg16 import VGG16
from streetdeciles.backbones.weights import random_weights, weights_hash
from streetdeciles.features import device
from streetdeciles.features.extraction import extract
from streetdeciles.features.network import Network, NetworkSettings, load_network
from streetdeciles.features.preparing import Preparation
from streetdeciles.hardware import choose_precision

ROWS_A_BATCH = 1000


def core(network: Network, paths: list[Path], threads: int) -> Callable[[], float]:
    """Images/s from files to features in Arrow."""
    preparation = Preparation(VGG16.preprocess, max_pixels=50_000_000, threads=threads, store="float32")

    def index() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(paths), ROWS_A_BATCH):
            yield index_batch(paths[start : start + ROWS_A_BATCH])

    def run() -> float:
        start = time.perf_counter()
        made = sum(batch.num_rows for batch in extract(index(), network, preparation)) - 1  # the shard's statistics
        if made != len(paths):
            raise RuntimeError(f"{made} of {len(paths)} photographs came out")
        return made / (time.perf_counter() - start)

    return run


@contextmanager
def gpu_watched() -> Iterator[list[int]]:
    """What nvidia-smi says of the GPU's use, in percent, while the context is open; empty where there is none."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not over.wait(0.5):
            try:
                told = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
            except (OSError, subprocess.SubprocessError):
                return
            seen.append(int(told.split()[0]))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--threads", type=int, default=4, help="that decode")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    cores = len(os.sched_getaffinity(0))
    found = device.start("auto", threads=cores, backend=backend)
    precision = choose_precision("auto", found)
    digest = weights_hash(random_weights(1, VGG16))
    network = load_network(NetworkSettings("vgg16", "random:1", digest, precision, "auto", backend, cores, None))
    with tempfile.TemporaryDirectory() as name:
        run = core(network, draw_files(Path(name), options.images), options.threads)
        with gpu_watched() as seen:
            run()
        if seen:
            print(f"GPU busy: {sum(seen) / len(seen):.0f} % of the time")
        compared = interleaved(run, bare_network(network, options.images), options.runs)
    other_is = f"the network alone on images in memory ({network.description})"
    record("extraction_core", compared, unit=f"images/s, {options.threads} decode threads", other_is=other_is)


if __name__ == "__main__":
    main()
