"""The network in a Python worker: loaded and warmed up once, then kept for every task that follows."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streetdeciles.backbone_sources import BackboneSource, WeightSource
from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.registry import backbone_from
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.weights import hashed, read_weights
from streetdeciles.errors import RunFailed
from streetdeciles.features import device
from streetdeciles.features.halving import HalvedBatches
from streetdeciles.hardware import Device

logger = logging.getLogger(__name__)

BATCH_SIZE = {"cpu": 8, "gpu": 128}
"""Measured: larger ones only take more memory; on a CPU each core has a batch of its own."""


@dataclass(frozen=True)
class Network:
    """What turns prepared images into features, in batches of one size."""

    compute: Callable[[Array], Array]
    """float32 [batch_size, height, width, 3] to float32 [batch_size, length]."""
    batch_size: int
    description: str
    """Device, precision and batch size, for the log."""
    at_a_time: int = 1
    """So many calls of `compute` may run side by side, and should."""
    note: Callable[[], str] = str
    """What has happened since, to be added to the description."""


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
    model = backbone.build(settings.precision)
    digest = hashlib.sha256()
    assign(model, hashed(read_weights(settings.weights, backbone), digest))
    if digest.hexdigest() != settings.weights_hash:
        raise RunFailed(
            f"features.weights: {settings.weights} differ on this executor from the driver's; "
            "give every machine the same file and the same NumPy"
        )
    # XLA is JAX's only way; on TensorFlow's CPU it is slower than oneDNN.
    model.compile(jit_compile=settings.backend == "jax")
    batch_size = settings.batch_size or BATCH_SIZE[started.kind]

    def compute(images: Array) -> Array:
        return np.asarray(model.predict_on_batch(images))

    halved = HalvedBatches(compute, batch_size)
    halved(np.zeros((batch_size, backbone.size, backbone.size, 3), dtype=np.float32))
    slow = "" if started.bfloat16 or settings.precision == "float32" else " (not native here, so slow)"
    description = f"{started.kind} ({started.name}), {settings.precision}{slow}, batches of {batch_size}"
    # A core for each batch: no core waits for another at the end of each layer, or because it had a picture to decode.
    at_a_time = settings.threads if settings.backend == "tensorflow" and started.kind == "cpu" else 1
    return Network(halved, batch_size, description, at_a_time, halved.note)
