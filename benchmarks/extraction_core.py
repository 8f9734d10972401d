"""The core of the extraction alone, without Spark, on any Keras backend: for a machine with a GPU.

    KERAS_BACKEND=jax python benchmarks/extraction_core.py --images 10000 --threads 16

Reads and decodes files of 640 x 640 and runs VGG16 on them as in a Spark task, against the bare backbone in a loop on
images in memory. If there is an nvidia-smi, it is asked twice a second how busy the GPU is.
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
from streetdeciles.backbone_sources import Named, Seeded
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import random_weights, weights_hash
from streetdeciles.features import device
from streetdeciles.features.extraction import extract
from streetdeciles.features.network import Network, NetworkSettings, load_network
from streetdeciles.features.preparing import Preparation
from streetdeciles.hardware import choose_precision

ROWS_PER_BATCH = 1000


def core(network: Network, paths: list[Path], threads: int) -> Callable[[], float]:
    """Images/s from files to features in Arrow."""
    preparation = Preparation(VGG16.preprocess, max_pixels=50_000_000, threads=threads, store="float32")

    def index() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(paths), ROWS_PER_BATCH):
            yield index_batch(paths[start : start + ROWS_PER_BATCH])

    def run() -> float:
        start = time.perf_counter()
        rows = sum(batch.num_rows for batch in extract(index(), network, preparation))
        n_features = rows - 1  # the last row is the shard's statistics
        if n_features != len(paths):
            raise RuntimeError(f"extracted {n_features} of {len(paths)} photographs")
        return n_features / (time.perf_counter() - start)

    return run


@contextmanager
def gpu_watched() -> Iterator[list[int]]:
    """The use of the GPU in percent, from nvidia-smi, during the block; empty if there is no GPU."""
    percentages: list[int] = []
    finished = threading.Event()

    def watch() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not finished.wait(0.5):
            try:
                output = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
            except (OSError, subprocess.SubprocessError):
                return
            percentages.append(int(output.split()[0]))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield percentages
    finally:
        finished.set()
        watcher.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--threads", type=int, default=4, help="threads that decode")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    cores = len(os.sched_getaffinity(0))
    started = device.start("auto", threads=cores, backend=backend)
    precision = choose_precision("auto", started)
    digest = weights_hash(random_weights(1, VGG16))
    network = load_network(NetworkSettings(Named("vgg16"), Seeded(1), digest, precision, "auto", backend, cores, None))
    with tempfile.TemporaryDirectory() as name:
        run = core(network, draw_files(Path(name), options.images), options.threads)
        with gpu_watched() as percentages:
            run()
        if percentages:
            print(f"GPU busy: {sum(percentages) / len(percentages):.0f} % of the time")
        compared = interleaved(run, bare_network(network, options.images), options.runs)
    other_is = f"the backbone alone on images in memory ({network.description})"
    record("extraction_core", compared, unit=f"images/s, {options.threads} decode threads", other_is=other_is)


if __name__ == "__main__":
    main()
