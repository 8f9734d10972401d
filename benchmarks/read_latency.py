"""Extraction from a file system that takes 50 ms to answer each request, like an object store, against a local disk.

Both sides read the same JPEGs of 640 x 640, decode them and pick pixels, with a network that does nothing, so that the
rate is what one process can feed a network with. The slow file system is one of fsspec's asynchronous ones, in this
process; it stands for s3fs or gcsfs, without their own work for each request.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
from fsspec.asyn import AsyncFileSystem

from measure import interleaved, record
from photographs import draw_files, index_batch
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.preparing import Preparation

LATENCY_S = 0.05
BATCH_SIZE = 128


class SlowFileSystem(AsyncFileSystem):
    """Local files, each request `LATENCY_S` late."""

    protocol = "slow"

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        await asyncio.sleep(LATENCY_S)
        return Path(path).read_bytes()[start:end]

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        await asyncio.sleep(LATENCY_S)
        return {"name": path, "size": Path(path).stat().st_size, "type": "file"}


def rate(paths: Sequence[Path], prefix: str, threads: int) -> Callable[[], float]:
    """Images/s from files to batches of Arrow, with no network."""
    features = np.zeros((BATCH_SIZE, 4), dtype=np.float32)
    network = Network(lambda pictures: features, BATCH_SIZE, "no network", at_a_time=3)
    preparation = Preparation(VGG16.preprocess, max_pixels=50_000_000, threads=threads, store="float32")
    batch = index_batch([f"{prefix}{path}" for path in paths])
    columns = {name: batch.column(name) for name in batch.schema.names}
    lengths = pa.array([path.stat().st_size for path in paths], pa.int64())
    batch = pa.RecordBatch.from_pydict({**columns, "length": lengths})

    def run() -> float:
        start = time.perf_counter()
        n_rows = sum(made.num_rows for made in extract(iter([batch]), network, preparation))
        if n_rows != len(paths) + 1:  # the last row is the shard's statistics
            raise RuntimeError(f"{n_rows - 1} rows came out of {len(paths)} photographs")
        return len(paths) / (time.perf_counter() - start)

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads that decode")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    fsspec.register_implementation("slow", SlowFileSystem)
    with tempfile.TemporaryDirectory() as name:
        paths = draw_files(Path(name), options.images, different=64)
        slow, local = (rate(paths, prefix, options.threads) for prefix in ("slow://", ""))
        local()
        compared = interleaved(slow, local, options.runs)
    what = f"images/s, {options.threads} decode threads, each request {1000 * LATENCY_S:.0f} ms late"
    record("read_latency", compared, unit=what, other_is="the same files on a local disk")
    return 0


if __name__ == "__main__":
    sys.exit(main())
