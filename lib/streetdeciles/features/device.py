"""Where the network runs and in which precision, and starting Keras' framework there.

Everything is set by environment variables before the framework is first imported in the process: what TensorFlow, JAX
and PyTorch read once cannot be changed afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from streetdeciles.errors import RunRefused
from streetdeciles.keras_start import without_start_messages

NO_GPU = "-1"
STARTED_WITH = "STREETDECILES_STARTED_WITH"
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
BFLOAT16_CAPABILITY = (8, 0)
"""NVIDIA's compute capability from which bfloat16 is native (Ampere)."""

_GPUS: dict[str, Callable[[Any], int]] = {
    "tensorflow": lambda framework: len(framework.config.list_physical_devices("GPU")),
    "jax": lambda framework: sum(device.platform == "gpu" for device in framework.devices()),
    "torch": lambda framework: framework.cuda.device_count(),
}


@dataclass(frozen=True)
class Device:
    """What this process computes on."""

    kind: Literal["gpu", "cpu"]
    name: str
    bfloat16: bool
    """Whether bfloat16 is native, so that it saves time."""


def start(wanted: str, *, threads: int, backend: str, gpu_address: str | None = None) -> Device:
    """Start Keras in this process, on the GPU of that address or any, or on `threads` cores.

    Raises:
        RunRefused: `gpu` is wanted, and the framework sees none.
    """
    _set_environment(wanted, threads, backend, gpu_address)
    with without_start_messages():
        import keras

        found = _GPUS[backend](import_module(backend))
    if keras.backend.backend() != backend:
        raise RuntimeError(f"Keras runs on {keras.backend.backend()} in this process already, not on {backend}")
    if wanted != "cpu" and found:
        return _first_gpu()
    if wanted == "gpu":
        raise RunRefused(
            f"features.device is gpu, and {backend} sees none on {os.uname().nodename}; install the [gpu] extra and "
            "NVIDIA's driver there, or set features.device to auto or cpu"
        )
    model, flags = _processor()
    return Device("cpu", f"{model}, {threads} thread(s)", bool(flags.intersection(BFLOAT16_FLAGS)))


def choose_precision(wanted: str, device: Device) -> str:
    """`float32` or `bfloat16`; `auto` takes bfloat16 where it is native."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if device.bfloat16 else "float32"


def _set_environment(wanted: str, threads: int, backend: str, gpu_address: str | None) -> None:
    visible = NO_GPU if wanted == "cpu" else gpu_address
    before = os.environ.setdefault(STARTED_WITH, visible or "any GPU")
    if before != (visible or "any GPU") and (gpu_address or Path("/dev/nvidiactl").exists()):
        # The framework in this worker holds what it was started with; Spark retries in a new worker.
        raise RuntimeError(f"this worker has started with GPU {before} and was now given {visible or 'any'}")
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    if wanted == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.update(
        KERAS_BACKEND=backend,
        TF_NUM_INTRAOP_THREADS=str(threads),
        TF_NUM_INTEROP_THREADS="1",
        OMP_NUM_THREADS=str(threads),
        # Memory as it is needed: several tasks may share a GPU.
        TF_FORCE_GPU_ALLOW_GROWTH="true",
        XLA_PYTHON_CLIENT_PREALLOCATE="false",
    )


def _first_gpu() -> Device:
    query = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    selected = [f"--id={visible}"] if visible else []
    try:
        told = subprocess.run([*query, *selected], capture_output=True, text=True, timeout=20, check=True).stdout
        name, capability = told.splitlines()[0].rsplit(",", 1)
        major, minor = (int(part) for part in capability.strip().split("."))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Device("gpu", "GPU of unknown kind", bfloat16=False)
    return Device("gpu", name.strip(), bfloat16=(major, minor) >= BFLOAT16_CAPABILITY)


def _processor() -> tuple[str, frozenset[str]]:
    """The CPU's model and its feature flags as Linux names them; no flags on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return os.uname().machine, frozenset()
    model = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return (model.group(1).strip() if model else os.uname().machine), frozenset(flags.group(1).split() if flags else ())
