"""Photographs that stay on the device, in a process of their own: one that has started JAX cannot start Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("device_gather_checks.py")


@pytest.mark.parametrize("kind", ["not compare", pytest.param("compare", marks=pytest.mark.compare)])
def test_photographs_may_stay_on_the_device_that_decodes(kind: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", kind, str(CHECKS)]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
