"""The core of the extraction alone, without Spark, on any Keras backend: for a machine with a GPU.

    KERAS_BACKEND=jax python benchmarks/extraction_core.py --images 16384 --threads 16

Comparisons on JPEGs of 640 x 640 in memory (/dev/shm, where there is one); on a GPU the last two are called
`extraction_core_gpu` and `extraction_network_gpu`:

- `decode_threads`: reading, decoding and picking pixels in all threads, with a network that does nothing, against the
  number of threads times what one thread does.
- `extraction_core`: files to features in Arrow, with VGG16, against the same number.
- `extraction_core_gpu_decode`, with `--decoder gpu`: the same with JPEGs decoded by JPEG engines, against the goal.
  With JAX their pixels stay on the GPU; first their features are compared with those of pixels that left it.
- `extraction_core_tasks`, with `--tasks 4`: the same by 4 processes, which share the threads and the device; with
  `--decoder gpu` also `extraction_core_gpu_decode_tasks`.
- `extraction_network`: our network call on photographs in memory, against the slower of their transfer alone and the
  compiled network alone, on photographs that are on the device (JAX only).

It prints for what the device waited, and with nvidia-smi for how much of the time the GPU was busy.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from gpu import gpu_watched, processes
from measure import interleaved, record, this_machine
from network_calls import network_calls, random_pictures, slower_part
from photographs import draw_files, index_batch
from streetdeciles.backbone_sources import Named, Seeded
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import random_weights, weights_hash
from streetdeciles.extraction import device
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.gpu_decoding import ENGINES
from streetdeciles.extraction.network import Network, NetworkSettings, load_network
from streetdeciles.extraction.preparing import Preparation
from streetdeciles.extraction.tally import Tally
from streetdeciles.hardware import Device, choose_precision, keras_backend

ROWS_PER_BATCH = 1000
DIFFERENT_FILES = 256
GPU_DECODE_GOAL = 9000.0


def core(network: Network, paths: Sequence[Path], threads: int, *, back_end: str | None = None) -> Callable[[], float]:
    """Images/s from files to features in Arrow; `back_end` is nvImageCodec's, where it decodes."""
    preparation = Preparation(
        VGG16.preprocess, max_pixels=50_000_000, threads=threads, store="float32", back_end=back_end
    )

    def run() -> float:
        index = [index_batch(paths[at : at + ROWS_PER_BATCH]) for at in range(0, len(paths), ROWS_PER_BATCH)]
        start = time.perf_counter()
        n_features = 0
        for batch in extract(index, network, preparation):
            last = batch
            n_features += batch.num_rows
        seconds = time.perf_counter() - start
        tally = Tally.from_json(last.column("detail")[0].as_py())
        if tally.features != len(paths) or n_features != len(paths) + 1:
            raise RuntimeError(f"extracted {tally.features} of {len(paths)} photographs")
        shares = ", ".join(f"{name} {100 * value / seconds:.0f} %" for name, value in tally.device_seconds.items())
        if tally.declined:
            raise RuntimeError(f"the GPU declined {tally.declined} photographs")
        print(f"{threads} threads, {network.description}: {len(paths) / seconds:.0f} images/s ({shares})", flush=True)
        return len(paths) / seconds

    return run


def a_task(paths: Sequence[Path], options: argparse.Namespace, back_end: str | None) -> Callable[[], float]:
    """One of the processes that share the device: its own network and part of the photographs."""
    network, _ = load(options.backend, options.batch_size, share=1 / options.tasks)
    threads = threads_of_task(options)
    core(network, paths[: 4 * network.batch_size], threads, back_end=back_end)()
    return core(network, paths, threads, back_end=back_end)


@contextmanager
def tasks_together(
    paths: Sequence[Path], options: argparse.Namespace, back_end: str | None
) -> Iterator[Callable[[], float]]:
    """Gives a function that returns the images/s of all tasks together."""
    parts = [(paths[i :: options.tasks], options, back_end) for i in range(options.tasks)]
    with processes(a_task, parts) as run:

        def watched() -> float:
            with gpu_watched():
                return len(paths) / run()

        yield watched


def check_gather(network: Network, paths: Sequence[Path]) -> None:
    """Print how much features of pixels that stayed on the GPU differ from those of pixels that left it."""
    preparation = Preparation(VGG16.preprocess, 50_000_000, 4, "float32", back_end=ENGINES)
    features = []
    for way in (network, replace(network, gather=None)):
        batches = [batch for batch in extract([index_batch(paths)], way, preparation) if batch.num_rows > 1]
        features.append(np.concatenate([batch.column("features").flatten().to_numpy() for batch in batches]))
    difference = float(np.abs(features[0] - features[1]).max() / np.abs(features[1]).max())
    print(f"features of pixels that stay on the GPU: largest difference {difference:.1e} of the largest feature")


def idle_network(like: Network) -> Network:
    """A network that does nothing, in batches of the same size."""
    features = np.zeros((like.batch_size, 4096), dtype=np.float32)
    return replace(like, compute=lambda pictures: features, description="no network", note=str, gather=None)


def one_thread(network: Network, paths: Sequence[Path], threads: int) -> Callable[[], float]:
    """`threads` times the images/s of one thread that decodes, with a network that does nothing."""
    run = core(idle_network(network), paths[: max(64, len(paths) // threads)], threads=1)
    return lambda: threads * run()


def load(backend: str, batch_size: int | None, share: float = 1.0) -> tuple[Network, Device]:
    cores = len(os.sched_getaffinity(0))
    started = device.start("auto", threads=cores, backend=backend)
    digest = weights_hash(random_weights(1, VGG16))
    settings = NetworkSettings(
        Named("vgg16"),
        Seeded(1),
        digest,
        choose_precision("auto", started),
        "auto",
        backend,
        cores,
        batch_size,
        gpu_share=share,
    )
    start = time.perf_counter()
    network = load_network(settings)
    print(f"loaded and compiled in {time.perf_counter() - start:.1f} s: {network.description}", flush=True)
    return network, started


def compare(network: Network, started: Device, paths: Sequence[Path], options: argparse.Namespace) -> None:
    on = "_gpu" if started.kind == "gpu" else ""
    machine = f"{started.name}, {this_machine()}" if on else None
    threads, runs = options.threads, options.runs
    core(network, paths[: 4 * network.batch_size], threads)()  # threads and buffers are there from here on
    one = one_thread(network, paths, threads)
    unit, other_is = f"images/s, {threads} decode threads", f"{threads} times one thread's decoding, with no network"
    decoded = interleaved(core(idle_network(network), paths, threads), one, runs)
    record("decode_threads", decoded, unit=unit, other_is=other_is, machine=machine)
    with gpu_watched():  # measurements of one thread included
        extracted = interleaved(core(network, paths, threads), one, runs)
    record(f"extraction_core{on}", extracted, unit=unit, other_is=other_is, machine=machine)
    if options.tasks > 1:
        with tasks_together(paths, options, None) as run:
            shared = interleaved(run, one, runs)
        record(f"extraction_core{on}_tasks", shared, unit=of_tasks(options), other_is=other_is, machine=machine)
    if options.decoder == "gpu":
        compare_gpu_decoding(network, paths, options, machine)
    pictures = random_pictures(network)
    ours = network_calls(network, pictures, options.images)
    if options.backend == "jax":
        called = interleaved(ours, slower_part(network, pictures, options.images), runs)
        slower = f"the slower of transfer and network alone, batches of {network.batch_size}"
        record(f"extraction_network{on}", called, unit="images/s", other_is=slower, machine=machine)


def compare_gpu_decoding(
    network: Network, paths: Sequence[Path], options: argparse.Namespace, machine: str | None
) -> None:
    other_is = f"the goal, {GPU_DECODE_GOAL:.0f} images/s"
    check_gather(network, paths[:1024])
    core(network, paths[: 16 * network.batch_size], options.threads, back_end=ENGINES)()  # compiles
    unit = f"images/s, {options.threads} decode threads"
    one_task = interleaved(
        core(network, paths, options.threads, back_end=ENGINES), lambda: GPU_DECODE_GOAL, options.runs
    )
    record("extraction_core_gpu_decode", one_task, unit=unit, other_is=other_is, machine=machine)
    if options.tasks > 1:
        with tasks_together(paths, options, ENGINES) as run:
            shared = interleaved(run, lambda: GPU_DECODE_GOAL, options.runs)
        unit = of_tasks(options)
        record("extraction_core_gpu_decode_tasks", shared, unit=unit, other_is=other_is, machine=machine)


def of_tasks(options: argparse.Namespace) -> str:
    return f"images/s, {options.tasks} tasks of {threads_of_task(options)} decode threads"


def threads_of_task(options: argparse.Namespace) -> int:
    return max(1, options.threads // options.tasks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--threads", type=int, default=4, help="threads that decode")
    parser.add_argument("--decoder", choices=("cpu", "gpu"), default="cpu", help="gpu: JPEG engines as well")
    parser.add_argument("--tasks", type=int, default=1, help="processes that share the threads and the device")
    parser.add_argument("--batch-size", type=int, help="photographs per batch; default: what suits the device")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    options.backend = keras_backend()
    network, started = load(options.backend, options.batch_size)
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        paths = draw_files(Path(name), options.images, different=DIFFERENT_FILES)
        compare(network, started, paths, options)


if __name__ == "__main__":
    main()
