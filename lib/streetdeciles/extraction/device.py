"""Where the network runs and in which precision, and starting Keras' framework there.

Everything is set by environment variables before the framework is first imported in the process: what TensorFlow, JAX
and PyTorch read once cannot be changed afterwards.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from streetdeciles.errors import RunRefused
from streetdeciles.hardware import Device, device_of
from streetdeciles.keras_start import without_start_messages

NO_GPU = "-1"
GPU_DRIVER = "/dev/nvidiactl"
STARTED_WITH = "STREETDECILES_STARTED_WITH"
VISIBLE_BEFORE = "STREETDECILES_CUDA_VISIBLE_DEVICES"
"""Environment variable with the GPUs that this process could see when it began."""


def start(setting: str, *, threads: int, backend: str, gpu_address: str | None = None) -> Device:
    """Start Keras in this process, on the GPU of that address or any, or on `threads` cores.

    `setting` is `features.device`: auto, gpu or cpu.

    Raises:
        RunRefused: the setting is gpu, and the framework sees none.
    """
    _set_environment(setting, threads, backend, gpu_address)
    with without_start_messages():
        import keras

        device = device_of(backend)
    if keras.backend.backend() != backend:
        raise RuntimeError(f"Keras runs on {keras.backend.backend()} in this process already, not on {backend}")
    if setting == "gpu" and device.kind == "cpu":
        extra = "[gpu-jax]" if backend == "jax" else "[gpu]"
        raise RunRefused(
            f"features.device is gpu, and {backend} sees none on {os.uname().nodename}; install the {extra} extra and "
            "NVIDIA's driver there, or set features.device to auto or cpu"
        )
    return replace(device, name=f"{device.name}, {threads} thread(s)") if device.kind == "cpu" else device


def _set_environment(setting: str, threads: int, backend: str, gpu_address: str | None) -> None:
    visible = NO_GPU if setting == "cpu" else _visible_gpu(gpu_address)
    before = os.environ.setdefault(STARTED_WITH, visible or "any GPU")
    if before != (visible or "any GPU") and (gpu_address or Path(GPU_DRIVER).exists()):
        # The framework in this worker keeps what it was started with; Spark retries in a new worker.
        raise RuntimeError(f"this worker was started with GPU {before} and now has to use {visible or 'any GPU'}")
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    if setting == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    elif Path(GPU_DRIVER).exists():
        # Each executor would compile the same programs again, for half a minute.
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_cache_folder() / "jax"))
    os.environ.update(
        KERAS_BACKEND=backend,
        # A thread for each network call, and as many calls as threads (see network.py).
        TF_NUM_INTRAOP_THREADS="1",
        TF_NUM_INTEROP_THREADS=str(threads),
        OMP_NUM_THREADS=str(threads),
        # Memory as it is needed: several tasks may share a GPU.
        TF_FORCE_GPU_ALLOW_GROWTH="true",
        XLA_PYTHON_CLIENT_PREALLOCATE="false",
    )


def _visible_gpu(address: str | None) -> str | None:
    """What CUDA_VISIBLE_DEVICES must be for the GPU of that address.

    YARN or Kubernetes may have set it already, to numbers or to GPUs' own names. Then an address that is in the list is
    that GPU, and another one counts from the list's beginning.

    Raises:
        RunRefused: there is no such GPU in the list.
    """
    before = os.environ.setdefault(VISIBLE_BEFORE, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    listed = [name.strip() for name in before.split(",") if name.strip()]
    if address is None or address in listed or not listed or NO_GPU in listed:
        return address
    if address.isdecimal() and int(address) < len(listed):
        return listed[int(address)]
    raise RunRefused(
        f"Spark gave GPU {address} to a task on {os.uname().nodename} where CUDA_VISIBLE_DEVICES is {before}; the "
        "discovery script must list the GPUs that an executor may see"
    )


def _cache_folder() -> Path:
    """A folder that only this user can read and write, because what is in it is run."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streetdeciles"
