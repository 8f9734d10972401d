"""What runs in Spark's Python workers: the task around the core, and one that asks which precision suits them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from zipimport import zipimporter

import pyarrow as pa

from streetdeciles.extraction import device
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.gpu_decoding import ENGINES, engine_decoder
from streetdeciles.extraction.network import Network, NetworkSettings, load_network
from streetdeciles.extraction.preparing import Preparation
from streetdeciles.hardware import choose_precision
from streetdeciles.logs import WorkerLog

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractionTask:
    """Its `run` is a `mapInArrow` function: rows of `image_index` to `extracted.SCHEMA`."""

    load: Callable[[], Network]
    preparation: Preparation
    log: WorkerLog

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return
        self.log.start()
        keep_directories_of_archives()
        network = self.load()
        logger.info("features: %s", network.description)
        yield from extract(chain([first], batches), network, self.preparation)


def keep_directories_of_archives() -> None:
    """Spark has Python look again, before each task, for modules on its path; archives there do not change.

    Reading the directory of Spark's own takes some 25 ms.
    """
    for finder in sys.path_importer_cache.values():
        if isinstance(finder, zipimporter):
            finder.invalidate_caches = _nothing  # type: ignore[method-assign]


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class LoadInTask:
    """Load the network on the GPU that Spark gave to this task, or on the CPU."""

    settings: NetworkSettings

    def __call__(self) -> Network:
        return load_network(self.settings, gpu_address())


@dataclass(frozen=True)
class PrecisionTask:
    """Its `run` is a `mapInArrow` function: one row with the precision in which the worker's device is at its best.

    RunRefused where the worker lacks the device, or a GPU that decodes.
    """

    device: str
    decoder: str
    threads: int
    backend: str

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            started = device.start(self.device, threads=self.threads, backend=self.backend, gpu_address=gpu_address())
            if self.decoder == "gpu":
                engine_decoder(ENGINES)
            yield pa.RecordBatch.from_pydict({"precision": [choose_precision("auto", started)]})


def gpu_address() -> str | None:
    """The address of the GPU that Spark assigned to this task; None where Spark does not hand out GPUs."""
    from pyspark import TaskContext

    context = TaskContext.get()
    resources = context.resources() if context is not None else {}
    return resources["gpu"].addresses[0] if "gpu" in resources else None
