"""The networks run on any Keras backend: tests that pass on TensorFlow pass on JAX too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
TESTS_ON_JAX = [
    "ordinal/test_ordinal_stacked.py::test_stacked_training_equals_training_each_alone[2]",
    "ordinal/test_ordinal_stacked.py::test_stacked_training_of_plain_networks_equals_training_alone[2]",
    "ordinal/test_ordinal_stacked.py::test_rows_of_weight_zero_do_not_change_a_model",
    "training/test_training_adam.py",
    "training/test_training_steps.py",
    "training/test_training_models.py::test_a_model_does_not_depend_on_which_others_are_trained",
]
IGNORED_WARNING = "ignore:Triggering of __jax_array__:DeprecationWarning"


@pytest.mark.cluster
def test_stacked_training_equals_training_alone_on_jax() -> None:
    """In a separate process, because Keras has one backend per process; a minute, because XLA compiles each network."""
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", IGNORED_WARNING, *(str(TESTS / test) for test in TESTS_ON_JAX)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-3000:]
    assert " passed" in finished.stdout
