"""The device that this process can compute on, and the precision that is fastest on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
BFLOAT16_CAPABILITY = (8, 0)
"""The lowest of NVIDIA's compute capabilities with native bfloat16 (Ampere)."""

_GPUS: dict[str, Callable[[Any], int]] = {
    "tensorflow": lambda framework: len(framework.config.list_physical_devices("GPU")),
    "jax": lambda framework: sum(device.platform == "gpu" for device in framework.devices()),
    "torch": lambda framework: framework.cuda.device_count(),
}


@dataclass(frozen=True)
class Device:
    """A CPU or GPU that a process computes on."""

    kind: Literal["gpu", "cpu"]
    name: str
    bfloat16: bool
    """Whether bfloat16 is native, so that it saves time."""
    memory_bytes: int | None = None
    """A GPU's memory, if its driver says; None for a CPU, which can use whatever memory is free."""


def device_of(backend: str) -> Device:
    """The first GPU that Keras' backend sees in this process, else the CPU. Starts the backend."""
    if n_gpus(backend):
        return first_gpu()
    model, flags = cpu()
    return Device("cpu", model, bool(flags.intersection(BFLOAT16_FLAGS)))


def keras_backend() -> str:
    """Keras' name of the framework that it runs on, as the environment has it. Starts nothing."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def n_gpus(backend: str) -> int:
    """How many GPUs Keras' backend sees in this process. Starts the backend."""
    return _GPUS[backend](import_module(backend))


def choose_precision(setting: str, device: Device) -> str:
    """`float32` or `bfloat16`; `auto` is bfloat16 if it is native."""
    if setting != "auto":
        return setting
    return "bfloat16" if device.bfloat16 else "float32"


def cpu() -> tuple[str, frozenset[str]]:
    """The CPU's model name and its feature flags as Linux names them (none on other systems)."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    model = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return (
        model.group(1).strip() if model else platform.machine(),
        frozenset(flags.group(1).split()) if flags else frozenset(),
    )


def usable_cores() -> int:
    """Number of cores that this process may use: in a container, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def first_gpu() -> Device:
    """The first NVIDIA GPU that this process may use, as its driver describes it."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    selected = [f"--id={visible}"] if visible else []
    try:
        answer = subprocess.run([*query, *selected], capture_output=True, text=True, timeout=20, check=True).stdout
        name, mebibytes, capability = answer.splitlines()[0].rsplit(",", 2)
        major, minor = (int(part) for part in capability.strip().split("."))
        memory_bytes = int(mebibytes) * 2**20 if mebibytes.strip().isdigit() else None
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Device("gpu", "GPU of unknown kind", bfloat16=False)
    return Device("gpu", name.strip(), (major, minor) >= BFLOAT16_CAPABILITY, memory_bytes)
