"""The network in a Python worker: loaded and warmed up once, then kept for every task that follows."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.backbone_sources import BackboneSource, WeightSource
from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.registry import backbone_from
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.weights import hashed, read_weights
from streetdeciles.errors import RunFailed
from streetdeciles.extraction import device
from streetdeciles.extraction.compiled import BATCHES_IN_FLIGHT, Compiled, compiled
from streetdeciles.extraction.gpu_tasks import VGG16_MEMORY, NetworkMemory, gpu_batch_size
from streetdeciles.extraction.halving import HalvedBatches, is_out_of_memory
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.hardware import Device

if TYPE_CHECKING:
    import keras

    from streetdeciles.extraction.device_gather import DeviceGather

logger = logging.getLogger(__name__)

CPU_BATCH_SIZE = 8
"""Larger batches are no faster, as measured, and take more memory; each core has a batch of its own."""

MEASURED_BATCH = 32
"""How many photographs a network computes when its GPU memory is measured."""


@dataclass(frozen=True)
class Network:
    """What turns prepared images into features, in batches of one size."""

    compute: Callable[[Pictures], Array]
    """`batch_size` photographs to float32 [batch_size, length]."""
    batch_size: int
    description: str
    """Device, precision and batch size, for the log."""
    at_a_time: int = 1
    """How many calls of `compute` should run side by side."""
    note: Callable[[], str] = str
    """Returns what has happened since, to be added to the description."""
    gather: DeviceGather | None = None
    """Picks pixels of photographs that are on the device already; None if `compute` does not take such pictures."""


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that a worker needs to make the network; travels with the task."""

    backbone: BackboneSource
    weights: WeightSource
    """One that workers can reach."""
    weights_hash: str
    precision: str
    device: str
    backend: str
    threads: int
    batch_size: int | None
    """None: what suits the device."""
    layer: str | None = None
    activation: bool = False
    antialias: bool = False
    gpu_share: float = 1.0
    """The part of a GPU that a task gets, where several tasks compute on one."""


_loaded: dict[NetworkSettings, Network] = {}


def load_network(settings: NetworkSettings, gpu_address: str | None = None) -> Network:
    """The network of these settings, from this process's memory where it is already there."""
    if settings not in _loaded:
        _loaded.clear()  # the memory of an earlier one, before the next is made
        started = device.start(
            settings.device, threads=settings.threads, backend=settings.backend, gpu_address=gpu_address
        )
        _loaded[settings] = _build(settings, started)
    return _loaded[settings]


def _build(settings: NetworkSettings, started: Device) -> Network:
    backbone = backbone_from(settings.backbone, layer=settings.layer, activation=settings.activation)
    if settings.antialias:
        backbone = backbone.antialiased()
    model = backbone.build(settings.precision)
    digest = hashlib.sha256()
    assign(model, hashed(read_weights(settings.weights, backbone), digest))
    if digest.hexdigest() != settings.weights_hash:
        raise RunFailed(
            f"features.weights: {settings.weights} differ on this executor from the driver's; "
            "give every machine the same file and the same NumPy"
        )
    program = compiled(model, backbone.preprocess, started.kind)
    batch_size = settings.batch_size or automatic_batch_size(program, weight_bytes(model), started, settings.gpu_share)
    halved = HalvedBatches(program.compute, batch_size)
    halved(Pictures.empty(batch_size, backbone.preprocess))
    slow = "" if started.bfloat16 or settings.precision == "float32" else " (not native here, so slow)"
    description = f"{started.kind} ({started.name}), {settings.precision}{slow}, batches of {batch_size}"
    # On a CPU each core has a batch, so that none waits for another at the end of each layer, or while it decodes.
    at_a_time = settings.threads if settings.backend == "tensorflow" else 1
    if started.kind == "gpu":
        at_a_time = BATCHES_IN_FLIGHT
    return Network(halved, batch_size, description, at_a_time, halved.note, program.gather)


def automatic_batch_size(program: Compiled, weights_bytes: int, started: Device, share: float) -> int:
    """The batch size that suits the device, or this `share` of a GPU, where the network's memory is measured."""
    if started.kind == "cpu":
        return CPU_BATCH_SIZE
    try:
        n_bytes = program.bytes_taken(MEASURED_BATCH)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return MEASURED_BATCH  # which is halved until it fits
    per_photograph = VGG16_MEMORY.per_photograph if n_bytes is None else -(-n_bytes // MEASURED_BATCH)
    known = [n for n in (started.memory_bytes and share * started.memory_bytes, program.memory_limit) if n]
    return gpu_batch_size(NetworkMemory(weights_bytes, per_photograph), min(known, default=None))


def weight_bytes(model: keras.Model) -> int:
    """The memory that a model's weights take."""
    sizes = ((2 if variable.dtype == "bfloat16" else 4, variable.shape) for variable in model.variables)
    return sum(n_bytes * math.prod(shape) for n_bytes, shape in sizes)
