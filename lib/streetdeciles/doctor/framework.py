"""Keras, the framework below it, and whether that sees this machine's GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

from streetdeciles.doctor.findings import Finding, gpu_names
from streetdeciles.hardware import keras_backend

START_TIMEOUT_S = 60


class Framework(NamedTuple):
    """What Keras may run on."""

    name: str
    how_to_get: str
    for_a_gpu: str
    """How to get one that sees NVIDIA's GPUs."""


FRAMEWORKS = {
    "tensorflow": Framework(
        "TensorFlow",
        "pip install 'streetdeciles[cpu]', or [gpu] on a machine with one",
        "pip install 'streetdeciles[gpu]' in place of [cpu]",
    ),
    "jax": Framework(
        "JAX",
        "pip install jax, or 'streetdeciles[gpu-jax]' on a machine with a GPU",
        "pip install 'streetdeciles[gpu-jax]'",
    ),
    "torch": Framework("PyTorch", "pip install torch", "pip install torch, built for CUDA"),
}
"""By Keras' name of the backend."""

_PRINT_STATE = """
import json, os, sys
from importlib import import_module
backend = os.environ["KERAS_BACKEND"]
for package in {"pandas", "matplotlib", "sklearn", "cv2", "jax"} - {backend}:
    sys.modules[package] = None  # Keras loads them where it finds them, which takes as long as TensorFlow itself
framework = import_module(backend)
import keras
from streetdeciles.hardware import n_gpus
print(json.dumps({"framework": framework.__version__, "keras": keras.__version__, "gpus": n_gpus(backend)}))
"""


def framework() -> list[Finding]:
    """The framework, Keras and the GPUs, checked in a separate process, because an unfit build kills it."""
    backend = keras_backend()
    if backend not in FRAMEWORKS:
        names = ", ".join(FRAMEWORKS)
        return [Finding("Keras", f"backend {backend}", f"it must be one of {names}", "unset KERAS_BACKEND")]
    known = FRAMEWORKS[backend]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": backend}
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _PRINT_STATE],
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [_absent(known, f"it does not start within {START_TIMEOUT_S} s")]
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or [f"its process ends with exit code {answer.returncode}"])[-1]
        return [_absent(known, last)]
    state: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    return [
        Finding(known.name, state["framework"]),
        Finding("Keras", f"{state['keras']}, backend {backend}"),
        _gpu(known, state["gpus"]),
    ]


def _absent(known: Framework, why: str) -> Finding:
    return Finding(known.name, "none", why, known.how_to_get)


def _gpu(known: Framework, n_seen: int) -> Finding:
    names = gpu_names()
    if names and not n_seen:
        return Finding("GPU", ", ".join(names), f"{known.name} does not see it", known.for_a_gpu)
    return Finding("GPU", ", ".join(names) or (f"{n_seen}, of unknown name" if n_seen else "none"))
